"""Metrics where the edit strength reaches a level, with bootstrap intervals over the cases.

An edit that changes little preserves much: preservation can be compared only at matched edit
strength. A curve starts at the untouched source (step 0). A level is reached where the mean
strength over the cases first gets to it, by linear interpolation between two kept states; every
other metric is read at the same place. Intervals are percentiles over resampled cases (seeds are
averaged per case first); a difference of two settings uses the same resamples for both.
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

RESAMPLES = 2000
CONFIDENCE = 0.95
REACHED = 0.95  # of the resamples; below, an interval would leave too many of them out
REMEMBERED = 256  # mean curves: every setting needs those of its baseline again

Weights = Float[ndarray, "resamples cases"]
MeanOf = Callable[[Curves, str, bytes], Float[ndarray, "resamples steps"]]


@dataclass(frozen=True)
class Level:
    """A value of the metric that measures edit strength."""

    axis: str
    value: float


def resampled(n_cases: int, resamples: int = RESAMPLES, seed: int = 0) -> Weights:
    """Weights of the cases. Row 0 is uniform: the estimate. The others are bootstrap resamples."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n_cases, np.full(n_cases, 1 / n_cases), size=resamples) / n_cases
    return np.concatenate([np.full((1, n_cases), 1 / n_cases), drawn])


def mean_curve(
    values: Float[ndarray, "cases steps"],
    weights: Weights,
    whole: Float[ndarray, "resamples steps"] | None = None,
) -> Float[ndarray, "resamples steps"]:
    """Weighted means over the cases, undefined ones left out. `whole`: the sums of the weights
    where every case is defined, if the caller has them.
    """
    known = np.isfinite(values)
    if whole is not None and known.all():
        return np.asarray(weights @ values / whole)
    total = weights @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ np.where(known, values, 0.0)) / total)


def starts(curves: Curves, column: str) -> float:
    """The mean at the first kept state; nan without states."""
    if not len(curves.steps):
        return math.nan
    return float(mean_curve(curves.values[column], resampled(curves.n_cases, 0))[0, 0])


def top(curves: Curves, column: str) -> float:
    """The highest mean along the steps."""
    mean = mean_curve(curves.values[column], resampled(curves.n_cases, 0))
    return float(np.nanmax(mean, initial=-math.inf))


def first_reach(
    curve: Float[ndarray, "resamples steps"], level: float
) -> Float[ndarray, " resamples"]:
    """The fractional index at which each curve first reaches the level; nan where it never does."""
    above = curve >= level
    index = above.argmax(1)
    rows = np.arange(len(curve))
    before = np.maximum(index - 1, 0)
    low, high = curve[rows, before], curve[rows, index]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(index > 0, (level - low) / (high - low), 0.0)
    share = np.where(np.isnan(low), 1.0, share)  # undefined at the untouched source
    return np.where(above.any(1), before + share, math.nan)


def read_at(
    curve: Float[ndarray, "resamples steps"], place: Float[ndarray, " resamples"]
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
    def drawn(n_cases: int, n_steps: int) -> tuple[Weights, Float[ndarray, "resamples steps"]]:
        weights = resampled(n_cases)
        return weights, weights @ np.ones((n_cases, n_steps))

    @lru_cache(maxsize=REMEMBERED)
    def mean(curves: Curves, column: str, cases: bytes) -> Float[ndarray, "resamples steps"]:
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
    """The estimate (row 0) and the percentiles of the resamples; no interval where too few of them
    are defined.
    """
    known = values[1:][np.isfinite(values[1:])]
    if math.isnan(values[0]) or len(known) < REACHED * (len(values) - 1):
        return Estimate(float(values[0]), n=n)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return Estimate(float(values[0]), float(low), float(high), n)
