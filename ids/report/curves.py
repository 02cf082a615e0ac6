"""Metrics as curves along an edit's steps, and what they read where two methods edited equally far.

An edit that changes little preserves much: identity can be compared at equal strength alone. A
curve starts at the untouched source (step 0); a level of strength is reached where the mean over
the cases first gets there, between two kept states by linear interpolation, and every other metric
is read off at the same place. Intervals come from resampling the cases (seeds are averaged in a
case first); a difference of two settings uses the same resampled cases for both.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy import ndarray

RESAMPLES = 2000
LEVEL = 0.95
REACHED = 0.95  # of the resamples, below which an interval would tell of the others alone

Weights = Float[ndarray, "resamples cases"]


@dataclass(frozen=True)
class Reading:
    """A value with its 95 % bootstrap interval; nan where it is not reached, or too seldom."""

    value: float
    low: float
    high: float

    def text(self, digits: int, sign: str = "") -> str:
        """`27.98 [27.51, 28.40]`."""
        if math.isnan(self.value):
            return "-"
        value, low, high = (f"{x:{sign}.{digits}f}" for x in (self.value, self.low, self.high))
        return value if math.isnan(self.low) or low == high else f"{value} [{low}, {high}]"


@dataclass(frozen=True)
class Curves:
    """One setting: per metric a value for every case and kept step, seeds averaged."""

    cases: tuple[str, ...]
    steps: tuple[float, ...]
    values: dict[str, Float[ndarray, "cases steps"]]

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Sequence[str]) -> "Curves":
        """Of the lines of one setting in a `curve_frame`, at the steps that all its edits kept."""
        edits = frame.groupby(["case", "seed"]).ngroups
        kept = frame.groupby("step")["key"].transform("count") == edits
        means = frame[kept].groupby(["case", "step"])[list(columns)].mean()
        tables = {column: means[column].unstack("step") for column in columns}
        first = tables[columns[0]]
        values = {column: table.to_numpy(float) for column, table in tables.items()}
        return cls(tuple(first.index), tuple(map(float, first.columns)), values)

    def only(self, cases: Sequence[str]) -> "Curves":
        rows = [self.cases.index(case) for case in cases]
        return Curves(tuple(cases), self.steps, {k: v[rows] for k, v in self.values.items()})

    def defined(self, *columns: str) -> "Curves":
        """Only the cases for which these are numbers, the untouched source aside."""
        first = 1 if len(self.steps) > 1 else 0
        asked = columns if first else columns[-1:]
        known = np.all([np.isfinite(self.values[c][:, first:]).all(1) for c in asked], axis=0)
        return self.only([self.cases[row] for row in np.flatnonzero(known)])


def resampled(n_cases: int, resamples: int = RESAMPLES, seed: int = 0) -> Weights:
    """Row 0 weighs all cases alike: the estimate itself. The others are bootstrap samples."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n_cases, np.full(n_cases, 1 / n_cases), size=resamples) / n_cases
    return np.concatenate([np.full((1, n_cases), 1 / n_cases), drawn])


def mean_curve(
    values: Float[ndarray, "cases steps"], weights: Weights
) -> Float[ndarray, "resamples steps"]:
    """Weighted means over the cases, undefined ones left out."""
    known = np.isfinite(values)
    total = weights @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ np.where(known, values, 0.0)) / total)


def starts(curves: Curves, column: str) -> float:
    """The mean at the first kept state; nan where it is not defined there."""
    return float(mean_curve(curves.values[column], resampled(len(curves.cases), 0))[0, 0])


def top(curves: Curves, column: str) -> float:
    """The highest mean along the steps."""
    mean = mean_curve(curves.values[column], resampled(len(curves.cases), 0))
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


def matched(
    curves: Curves, axis: str, level: float, column: str, weights: Weights
) -> Float[ndarray, " resamples"]:
    """The column where the axis reaches the level, per resample; an edit without steps as it is."""
    if len(curves.steps) == 1:
        place = np.zeros(len(weights))
    else:
        place = first_reach(mean_curve(curves.values[axis], weights), level)
    return read_at(mean_curve(curves.values[column], weights), place)


def reading(values: Float[ndarray, " resamples"]) -> Reading:
    """The estimate (row 0) and the percentiles of the others."""
    known = values[1:][np.isfinite(values[1:])]
    if math.isnan(values[0]) or len(known) < REACHED * (len(values) - 1):
        return Reading(float(values[0]), math.nan, math.nan)
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return Reading(float(values[0]), float(low), float(high))
