"""Metrics where the edit strength reaches a level, with bootstrap intervals over the cases.

An edit that changes little preserves much: preservation can be compared only at matched edit
strength. A level is reached where the mean strength over the cases first gets to it, by linear
interpolation between two points of the curve; every other metric is read at the same place. A
level below the first point, or above all points, is not read. Seeds are averaged per case first; a
difference of two settings uses the same resampled cases for both.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ids.results.curves import Curves
from ids.results.grids import MISSING, Estimate
from ids.results.resampling import RESAMPLES, SEED, bootstrap_interval, draw_counts

REACHED = 0.95  # of the resamples; below, an interval would leave too many of them out
REMEMBERED = 256  # mean curves: every setting needs those of its baseline again

Weights = Float[ndarray, "resamples cases"]
MeanOf = Callable[[Curves, str, bytes], Float[ndarray, "resamples points"]]


@dataclass(frozen=True)
class Level:
    """A value of the metric that measures edit strength."""

    axis: str
    value: float


def resampled(n_cases: int, resamples: int = RESAMPLES, seed: int = SEED) -> Weights:
    """Weights of the cases. Row 0 is uniform: the estimate. The others are bootstrap resamples."""
    whole = np.ones((1, n_cases))
    return np.concatenate([whole, draw_counts(n_cases, resamples, seed)]) / n_cases


def mean_curve(
    values: Float[ndarray, "cases points"],
    weights: Weights,
    whole: Float[ndarray, "resamples points"] | None = None,
) -> Float[ndarray, "resamples points"]:
    """Weighted means over the cases, undefined ones left out. `whole`: the sums of the weights
    where every case is defined, if the caller has them.
    """
    known = np.isfinite(values)
    if whole is not None and known.all():
        return np.asarray(weights @ values / whole)
    total = weights @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ np.where(known, values, 0.0)) / total)


def plain_mean(curves: Curves, column: str) -> Float[ndarray, " points"]:
    """The mean over the cases at each point."""
    return np.asarray(mean_curve(curves.values[column], resampled(curves.n_cases, 0))[0])


def span(mean: Float[ndarray, " points"]) -> tuple[float, float]:
    """The first defined value along the points, and the highest; nan without any."""
    known = mean[np.isfinite(mean)]
    return (float(known[0]), float(known.max())) if len(known) else (math.nan, math.nan)


def first_reach(
    curve: Float[ndarray, "resamples points"], level: float | Float[ndarray, " resamples"]
) -> Float[ndarray, " resamples"]:
    """The fractional index at which each curve first reaches the level (of all curves, or one for
    each); nan where it never does, or starts above it.
    """
    above = curve >= np.reshape(level, (-1, 1))
    index = above.argmax(1)
    rows = np.arange(len(curve))
    before = np.maximum(index - 1, 0)
    low, high = curve[rows, before], curve[rows, index]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(index > 0, (level - low) / (high - low), 0.0)
    share = np.where(np.isnan(low), 1.0, share)  # undefined at the untouched source
    readable = above.any(1) & ~(curve[:, 0] > level)
    return np.where(readable, before + share, math.nan)


def read_at(
    curve: Float[ndarray, "resamples points"], place: Float[ndarray, " resamples"]
) -> Float[ndarray, " resamples"]:
    """The curve at fractional indices, by linear interpolation."""
    at = np.nan_to_num(place)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, curve.shape[1] - 1)
    rows = np.arange(len(curve))
    below, above = curve[rows, low], curve[rows, high]
    value = np.where(at == low, below, below + (at - low) * (above - below))
    value = np.where(np.isnan(below), above, value)  # undefined at the untouched source
    return np.where(np.isnan(place), math.nan, value)


def mean_curves() -> MeanOf:
    """`mean_curve` over the cases in a mask (as bytes), with a memory of the resamples and of the
    latest curves.
    """

    @lru_cache(maxsize=8)
    def drawn(n_cases: int, n_steps: int) -> tuple[Weights, Float[ndarray, "resamples points"]]:
        weights = resampled(n_cases)
        return weights, weights @ np.ones((n_cases, n_steps))

    @lru_cache(maxsize=REMEMBERED)
    def mean(curves: Curves, column: str, cases: bytes) -> Float[ndarray, "resamples points"]:
        values = curves.values[column][np.frombuffer(cases, bool)]
        return mean_curve(values, *drawn(*values.shape))

    return mean


def read(sides: Sequence[Curves], level: Level, column: str, mean: MeanOf) -> Estimate:
    """The column where the level is reached: of one setting, or the difference of two, over the
    cases in which both are defined.
    """
    both = np.all([side.defined(level.axis, column) for side in sides], axis=0)
    if not both.any() or not all(len(side.steps) for side in sides):
        return MISSING
    values = [_read(side, level, column, both.tobytes(), mean) for side in sides]
    return reading(values[0] if len(values) == 1 else values[0] - values[1], int(both.sum()))


def _read(
    curves: Curves, level: Level, column: str, cases: bytes, mean: MeanOf
) -> Float[ndarray, " resamples"]:
    """Per resample; the only value of an edit without steps."""
    wanted = mean(curves, column, cases)
    if not curves.moving:
        return wanted[:, 0]
    return read_at(wanted, first_reach(mean(curves, level.axis, cases), level.value))


def reading(values: Float[ndarray, " resamples"], n: int) -> Estimate:
    """The estimate (row 0) over n cases, and the interval of the resamples; none where too few of
    them are defined, or n is below two.
    """
    value, known = float(values[0]), values[1:][np.isfinite(values[1:])]
    if n < 2 or math.isnan(value) or len(known) < REACHED * (len(values) - 1):
        return Estimate(value, n=n)
    ((low, high),) = bootstrap_interval(known[None], np.array([value]), n)
    return Estimate(value, float(low), float(high), n)
