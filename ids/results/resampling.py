"""Bootstrap resamples of cases, and 95 % intervals from them.

Intervals of means are bootstrap-t: the best coverage for few and skewed cases (docs/statistics.md).
Of other statistics they are bias-corrected, with expanded quantiles. A plain percentile interval is
too narrow for few cases.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.special import ndtr, ndtri, stdtrit  # a third of the import time of scipy.stats

RESAMPLES = 10_000
CONFIDENCE = 0.95
SEED = 0
COUNTS_AT_ONCE = 2**21
GRID = 2.0**-40  # of the largest deviation
TIE = 1e-9  # of the largest deviation: resamples whose values differ by less are equal
LEAST_VARIANCE = 0.1  # of a resample, in units of that of the cases: none has a t of infinity

Counts = Float[ndarray, "resamples cases"]


def draw_counts(n: int, resamples: int = RESAMPLES, seed: int = SEED) -> Counts:
    """How often each of n cases is drawn in each resample; a row sums to n. The numbers depend on
    the arguments alone.
    """
    return np.concatenate([np.empty((0, n)), *count_blocks(n, resamples, seed)])


def count_blocks(n: int, resamples: int = RESAMPLES, seed: int = SEED) -> Iterator[Counts]:
    """The same, some resamples at a time: 16 MB, however many cases there are."""
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, rows := max(COUNTS_AT_ONCE // n, 1)):
        drawn = rng.integers(0, n, size=(min(rows, resamples - start), n), dtype=np.int32)
        yield np.array([np.bincount(cases, minlength=n) for cases in drawn], dtype=float)


def expanded_quantile(n: int) -> float:
    """The normal quantile of the upper end of an interval of n cases: 1.96 for many, more for few.
    The share of resamples beyond it replaces 0.025.
    """
    return float(math.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 + CONFIDENCE) / 2))


def studentized_interval(
    deviations: Float[ndarray, "columns cases"], counts: Iterable[Counts]
) -> Float[ndarray, "columns 2"]:
    """The ends of the interval of each row's mean, minus that mean: bootstrap-t (Efron & Tibshirani
    1993, section 12.5). The variance of a resample has a least value, for metrics of few values
    such as a share of successes: some of their resamples have no variance at all. `counts` are
    blocks of resamples.
    """
    n, variances = deviations.shape[1], (deviations**2).mean(1, keepdims=True)
    both = deviations, on_grid(deviations**2)
    sums = [[part @ block.T / n for part in both] for block in counts]
    means, squares = (np.concatenate(parts, axis=1) for parts in zip(*sums, strict=True))
    spreads = squares - means**2
    with np.errstate(invalid="ignore"):  # 0 / 0 where all cases are equal
        t = means / np.sqrt(np.maximum(spreads, LEAST_VARIANCE * variances))
    tail = (1 - CONFIDENCE) / 2
    upper_lower = _quantiles(np.sort(np.nan_to_num(t), axis=1), np.array([[1 - tail, tail]]))
    return np.asarray(-upper_lower * np.sqrt(variances))


def bootstrap_interval(
    resampled: Float[ndarray, "columns resamples"],
    values: Float[ndarray, " columns"],
    n: int,
) -> Float[ndarray, "columns 2"]:
    """The ends of the interval of each statistic: bias-corrected (Efron & Tibshirani 1993, section
    14.3, without acceleration), at the expanded level of Hesterberg (2015, The American
    Statistician 69). `values` are of the n cases themselves (two at least), `resampled` of the
    resamples, all finite.
    """
    ordered = np.sort(resampled, axis=1)
    quantile = expanded_quantile(n)
    z = 2 * _bias(ordered, values)[:, None] + np.array([-quantile, quantile])
    return _quantiles(ordered, ndtr(z))


def on_grid(deviations: Float[ndarray, "columns cases"]) -> Float[ndarray, "columns cases"]:
    """Rounded to multiples of a power of two, 40 bits below each column's largest: sums over up to
    8,192 cases have no rounding error, hence do not depend on the order of cases or columns.
    """
    _, exponent = np.frexp(np.abs(deviations).max(1, initial=0.0, keepdims=True))
    steps = np.rint(np.ldexp(deviations / GRID, -exponent))
    return np.asarray(np.ldexp(steps * GRID, exponent))


def _bias(
    ordered: Float[ndarray, "columns resamples"], values: Float[ndarray, " columns"]
) -> Float[ndarray, " columns"]:
    """z of the share of the resamples below the value; equal ones count half."""
    resamples = ordered.shape[1]
    tie = TIE * np.maximum(values - ordered[:, 0], ordered[:, -1] - values)
    ranks = [
        np.searchsorted(line, [value - width, value + width]).sum()
        for line, value, width in zip(ordered, values, tie, strict=True)
    ]
    share = np.array(ranks) / (2 * resamples)
    return np.asarray(ndtri(np.clip(share, 0.5 / resamples, 1 - 0.5 / resamples)))


def _quantiles(
    ordered: Float[ndarray, "columns resamples"], shares: Float[ndarray, "rows ends"]
) -> Float[ndarray, "columns ends"]:
    """By linear interpolation between neighbouring resamples."""
    place = np.broadcast_to(shares, (len(ordered), shares.shape[1])) * (ordered.shape[1] - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, ordered.shape[1] - 1)
    below, above = (np.take_along_axis(ordered, index, axis=1) for index in (low, high))
    return np.asarray(below + (place - low) * (above - below))
