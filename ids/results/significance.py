"""Tests of paired differences: effect size, p-value, and its correction for many comparisons.

The test flips signs: where two methods are equal, each case's difference is as likely to have the
opposite sign (Fisher 1935; Good 2005, section 3.2). It assumes no normal distribution and is exact.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ids.results.resampling import SEED, TIE

ALPHA = 0.05
ENUMERATED = 12  # cases of a half whose sign patterns are all used
DRAWN = 2048  # random sign patterns of a larger half; each counts with its opposite, too

Signs = Float[ndarray, "patterns cases"]


def effect_size(differences: Float[ndarray, " cases"]) -> float:
    """Cohen's d_z: the mean of the differences in units of their standard deviation (Cohen 1988,
    section 2.3.5). nan below two cases, and where all differences are equal.
    """
    if len(differences) < 2 or np.ptp(differences) <= TIE * np.abs(differences).max():
        return math.nan
    return float(differences.mean() / differences.std(ddof=1))


def sign_flip_p(differences: Float[ndarray, " cases"]) -> float:
    """Two-sided p-value of a mean difference of zero; nan without cases. The cases are split into
    halves; all pairs of a sign pattern of one half and one of the other are counted (Horowitz &
    Sahni 1974). Exact up to 24 cases: all 2^n patterns. Above, 4,096 seeded patterns of each half,
    16.8 million in all.
    """
    n = len(differences)
    if n == 0 or not differences.any():
        return 1.0 if n else math.nan
    one, other = differences[: n // 2], differences[n // 2 :]
    sums = np.sort(_patterns(len(one), SEED) @ one)
    others = np.sort(_patterns(len(other), SEED + 1) @ other)
    bound = abs(differences.sum()) - TIE * np.abs(differences).sum()
    reaching = len(others) - np.searchsorted(others, bound - sums)
    p = 2 * float(reaching.sum()) / (len(sums) * len(others))
    return min(1.0, max(p, 2 / (len(sums) * len(others))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected for the number of comparisons (Holm 1979): the probability of any false positive
    below 0.05 is at most 5 %. nan stays, and is no comparison.
    """
    p = np.array(p_values, float)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    p[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return [float(value) for value in p]


def _patterns(n: int, seed: int) -> Signs:
    """Every sign pattern of n cases, or random ones; with each pattern its opposite. The first is
    all positive: the signs of the data count among the random ones.
    """
    if n <= ENUMERATED:
        numbers = np.arange(2**n)[:, None]
        return 1.0 - 2.0 * (numbers >> np.arange(n) & 1)
    rng = np.random.default_rng(seed)
    drawn = 1.0 - 2.0 * rng.integers(0, 2, size=(DRAWN, n))
    drawn[0] = 1.0
    return np.concatenate([drawn, -drawn])
