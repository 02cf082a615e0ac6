"""Tests of paired differences: effect size, p-value, and its correction for many comparisons.

The test flips signs: where two methods are equal, each case's difference is as likely to have the
opposite sign (Fisher 1935; Good 2005, section 3.2). It assumes no normal distribution and is exact.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from ids.results.intervals import Sample, by_length, in_blocks
from ids.results.resampling import SEED, TIE, on_grid

ALPHA = 0.05
ENUMERATED = 12  # cases of a half whose sign patterns are all used
DRAWN = 2048  # random sign patterns of a larger half; each counts with its opposite, too

Signs = Float[ndarray, "_ _"]  # patterns, cases


def effect_size(differences: Sample) -> float:
    """Cohen's d_z: the mean of the differences in units of their standard deviation (Cohen 1988,
    section 2.3.5). nan below two cases, and where all differences are equal.
    """
    if len(differences) < 2 or np.ptp(differences) <= TIE * np.abs(differences).max():
        return math.nan
    return float(differences.mean() / differences.std(ddof=1))


def sign_flip_p_values(samples: Sequence[Sample]) -> list[float]:
    """Two-sided p-value of each sample of differences for a mean of zero; nan without cases. Exact
    up to 24 cases: all 2^n sign patterns. Above, the pairs of 4,096 seeded patterns of each half of
    the cases: 16.8 million.
    """
    found = [math.nan] * len(samples)
    for n, places in by_length(samples).items():
        if n == 0:
            continue
        halves = _patterns(n // 2, SEED), _patterns(n - n // 2, SEED + 1)
        values = on_grid(np.array([samples[place] for place in places]))
        p_values = [p for block in in_blocks(values) for p in _sign_flip_p(block, *halves)]
        for place, p in zip(places, p_values, strict=True):
            found[place] = p
    return found


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


def _sign_flip_p(
    differences: Float[ndarray, "rows cases"], first: Signs, second: Signs
) -> Iterator[float]:
    """The share of the pairs of patterns whose sum is as far from zero as that of the data, counted
    by sorting the sums of each half (Horowitz & Sahni 1974). The patterns are symmetric.
    """
    half, pairs = first.shape[1], len(first) * len(second)
    sums = np.sort(differences[:, :half] @ first.T, axis=1)
    others = np.sort(differences[:, half:] @ second.T, axis=1)
    bounds = np.abs(differences.sum(1)) - TIE * np.abs(differences).sum(1)
    for bound, one, other in zip(bounds, sums, others, strict=True):
        reaching = pairs - int(np.searchsorted(other, bound - one).sum())
        yield min(1.0, 2 * max(1, reaching) / pairs)


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
