"""Means with intervals. The unit is the case: seeds are averaged first, and methods are compared
case by case.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit  # the quantile behind scipy.stats.t, at a third of the import

from ids.results.columns import Column
from ids.results.grids import MISSING, Estimate

LEVEL = 0.95


def finite(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """The frame with nan for infinite values: a mean is over finite ones."""
    keys = [column.key for column in columns]
    values = frame[keys].to_numpy(float)
    numbers = pd.DataFrame(np.where(np.isfinite(values), values, math.nan), frame.index, keys)
    return pd.concat([frame.drop(columns=keys), numbers], axis=1)


def undefined_note(frame: pd.DataFrame, columns: Sequence[Column]) -> tuple[str, ...]:
    """One note that counts, per column, the edits without a finite number; none where all have."""
    values = frame[[column.key for column in columns]].to_numpy(float)
    parts = []
    for column, numbers in zip(columns, values.T, strict=True):
        for kind, found in (("undefined", np.isnan(numbers)), ("infinite", np.isinf(numbers))):
            if found.any():
                parts.append(f"{column.title} in {frame['key'][found].nunique()} ({kind})")
    edits = frame["key"].nunique()
    return (f"No finite number, of {edits} edits: {', '.join(parts)}; left out.",) if parts else ()


def by_case(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """A line per case: the mean over its seeds, nan left out."""
    return frame.groupby("case")[list(columns)].mean()


def by_batch(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """A line per batch: the edits of a batch share their measurement."""
    return frame.groupby("batch")[list(columns)].mean()


def estimate(values: pd.Series) -> Estimate:
    """The mean of the defined values and its 95 % Student t interval (none below two values)."""
    known = values.dropna()
    n = len(known)
    if n == 0:
        return MISSING
    mean, half = float(known.mean()), math.nan
    if n > 1:
        half = float(stdtrit(n - 1, (1 + LEVEL) / 2) * known.std(ddof=1) / math.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n)


def paired_differences(
    ours: pd.DataFrame, baseline: pd.DataFrame, columns: Sequence[str]
) -> pd.DataFrame:
    """A line per case: the mean of ours minus baseline over their common seeds; over all pairs of
    edits of the case, where one of the two uses no seed.
    """
    seeded = (baseline["seed"] >= 0).all() and (ours["seed"] >= 0).all()
    keys, names = ["case", "seed"] if seeded else ["case"], list(columns)
    pairs = _numbered(ours, keys, "ours").merge(_numbered(baseline, keys, "theirs"), on=keys)
    mine, theirs = (side[names].to_numpy(float) for side in (ours, baseline))
    difference = mine[pairs["ours"]] - theirs[pairs["theirs"]]
    return by_case(pd.DataFrame(difference, columns=names).assign(case=pairs["case"]), names)


def _numbered(frame: pd.DataFrame, keys: list[str], name: str) -> pd.DataFrame:
    """The lines by number, so that no metric's name collides with a suffix of the merge."""
    return frame[keys].assign(**{name: np.arange(len(frame))})
