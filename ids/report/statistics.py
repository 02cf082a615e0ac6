"""Means with intervals. The unit is the case: seeds are averaged first, methods are compared case
by case.
"""

import math
from dataclasses import dataclass

import pandas as pd
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` cases and the half width of its 95 % Student t interval (nan below two
    cases).
    """

    mean: float
    half: float
    n: int

    def text(self, digits: int, sign: str = "") -> str:
        """`27.98 ± 0.42`; `sign` is "+" where it is a difference."""
        if math.isnan(self.mean):
            return "-"
        half = "" if math.isnan(self.half) else f" ± {self.half:.{digits}f}"
        return f"{self.mean:{sign}.{digits}f}{half}"


def by_batch(frame: pd.DataFrame, column: str) -> pd.Series:
    """One value per batch: edits made side by side share their measurement."""
    return frame.groupby("batch")[column].mean().dropna()


def by_case(frame: pd.DataFrame, column: str) -> pd.Series:
    """One value per case: the mean over its seeds, undefined ones left out."""
    return frame.groupby("case")[column].mean().dropna()


def estimate(values: pd.Series) -> Estimate:
    n = len(values)
    if n == 0:
        return Estimate(math.nan, math.nan, 0)
    half = math.nan
    if n > 1:
        half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))
    return Estimate(float(values.mean()), half, n)


def paired_difference(ours: pd.DataFrame, baseline: pd.DataFrame, column: str) -> Estimate:
    """The mean of ours minus baseline over the cases and seeds that both have."""
    keys = (
        ["case", "seed"]
        if (baseline["seed"] >= 0).all() and (ours["seed"] >= 0).all()
        else ["case"]
    )
    pairs = ours[[*keys, column]].merge(
        baseline[[*keys, column]], on=keys, suffixes=("", "_baseline")
    )
    pairs["difference"] = pairs[column] - pairs[f"{column}_baseline"]
    return estimate(by_case(pairs, "difference"))
