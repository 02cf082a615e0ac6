"""What curves read where they reach a level, with intervals from resampling the cases.

An edit that changes little preserves much: identity can be compared at equal strength alone. A
curve starts at the untouched source (step 0); a level of strength is reached where the mean over
the cases first gets there, between two kept states by linear interpolation, and every other metric
is read off at the same place. Intervals come from resampling the cases (seeds are averaged in a
case first); a difference of two settings uses the same resampled cases for both.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ids.results.cells import MISSING, Cell
from ids.results.curves import Curves

RESAMPLES = 2000
CONFIDENCE = 0.95
REACHED = 0.95  # of the resamples, below which an interval would tell of the others alone
REMEMBERED = 256  # mean curves: those of a baseline are wanted again by every other setting

Weights = Float[ndarray, "resamples cases"]
MeanOf = Callable[[Curves, str, bytes], Float[ndarray, "resamples steps"]]


@dataclass(frozen=True)
class Level:
    """A value of the metric that measures strength."""

    axis: str
    value: float


def resampled(n_cases: int, resamples: int = RESAMPLES, seed: int = 0) -> Weights:
    """Row 0 weighs all cases alike: the estimate itself. The others are bootstrap samples."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n_cases, np.full(n_cases, 1 / n_cases), size=resamples) / n_cases
    return np.concatenate([np.full((1, n_cases), 1 / n_cases), drawn])


def mean_curve(
    values: Float[ndarray, "cases steps"],
    weights: Weights,
    whole: Float[ndarray, "resamples steps"] | None = None,
) -> Float[ndarray, "resamples steps"]:
    """Weighted means over the cases, undefined ones left out. `whole`, where it is at hand: what
    the weights sum to when all is defined.
    """
    known = np.isfinite(values)
    if whole is not None and known.all():
        return np.asarray(weights @ values / whole)
    total = weights @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ np.where(known, values, 0.0)) / total)


def starts(curves: Curves, column: str) -> float:
    """The mean at the first kept state; nan where there is none."""
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
    """Where each curve first gets to the level, as a fractional index; nan where it never does."""
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
    """The curve at fractional indices."""
    at = np.nan_to_num(place)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, curve.shape[1] - 1)
    rows = np.arange(len(curve))
    below, above = curve[rows, low], curve[rows, high]
    value = np.where(at == low, below, below + (at - low) * (above - below))
    value = np.where(np.isnan(below), above, value)  # undefined at the untouched source
    return np.where(np.isnan(place), math.nan, value)


def mean_curves() -> MeanOf:
    """`mean_curve` of the cases in a mask (as bytes). It remembers the resamples, and the curves
    asked for lately.
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


def read(sides: Sequence[Curves], level: Level, column: str, mean: MeanOf) -> Cell:
    """The column where the level is reached: of one setting, or the difference of two over the
    cases where both are defined.
    """
    both = np.all([side.defined(level.axis, column) for side in sides], axis=0)
    if not both.any() or not all(len(side.steps) for side in sides):
        return MISSING
    values = [_read(side, level, column, both.tobytes(), mean) for side in sides]
    return reading(values[0] if len(values) == 1 else values[0] - values[1], int(both.sum()))


def _read(
    curves: Curves, level: Level, column: str, cases: bytes, mean: MeanOf
) -> Float[ndarray, " resamples"]:
    """Per resample; an edit without steps as it is."""
    wanted = mean(curves, column, cases)
    if not curves.moving:
        return wanted[:, 0]
    return read_at(wanted, first_reach(mean(curves, level.axis, cases), level.value))


def reading(values: Float[ndarray, " resamples"], n: int) -> Cell:
    """The estimate (row 0) and the percentiles of the others; no interval where too few of them
    are defined.
    """
    known = values[1:][np.isfinite(values[1:])]
    if math.isnan(values[0]) or len(known) < REACHED * (len(values) - 1):
        return Cell(float(values[0]), n=n)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return Cell(float(values[0]), float(low), float(high), n)
