"""Means with 95 % intervals: by the bootstrap, or Student's t."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.special import stdtrit

from ids.core.errors import ConfigError
from ids.results.grids import MISSING, Estimate
from ids.results.resampling import (
    CONFIDENCE,
    RESAMPLES,
    count_blocks,
    on_grid,
    studentized_interval,
)

ROWS_AT_ONCE = 64
CASES_KEPT = 512  # of more cases, resamples are drawn again for every block of rows: 40 MB else
IntervalKind = Literal["bootstrap", "t"]

Sample = Float[ndarray, " _"]  # a value per case; samples differ in length
Values = Float[ndarray, "columns cases"]
Ends = Callable[[Values], Float[ndarray, "columns 2"]]


def check_kind(kind: str) -> IntervalKind:
    """The kind of interval of this name; `ConfigError` for another name."""
    for known in get_args(IntervalKind):
        if kind == known:
            return known  # type: ignore[no-any-return]
    raise ConfigError(
        f"interval: expected {' or '.join(get_args(IntervalKind))}; got {kind!r}; change it"
    )


def estimates(samples: Sequence[Sample], kind: IntervalKind) -> list[Estimate]:
    """The mean and interval of each sample of finite values, one per case; no interval below two.
    Each depends on its own values alone, not on the other samples.
    """
    ends = bootstrap_ends if kind == "bootstrap" else t_ends
    found = [MISSING] * len(samples)
    for n, places in by_length(samples).items():
        if n == 0:
            continue
        values = np.array([samples[place] for place in places])
        means = values.mean(1)
        low_high = ends(values) if n > 1 else np.full((len(values), 2), np.nan)
        for place, mean, (low, high) in zip(places, means, low_high, strict=True):
            found[place] = Estimate(float(mean), float(low), float(high), n)
    return found


def bootstrap_ends(values: Values, resamples: int = RESAMPLES) -> Float[ndarray, "columns 2"]:
    """Of the mean of each row, over resamples of its cases; none lies beyond the outermost case."""
    n, means = values.shape[1], values.mean(1, keepdims=True)
    counts = list(count_blocks(n, resamples)) if n <= CASES_KEPT else None
    ends = [
        studentized_interval(block, counts or count_blocks(n, resamples))
        for block in in_blocks(on_grid(values - means))
    ]
    outermost = values.min(1, keepdims=True), values.max(1, keepdims=True)
    return np.asarray(np.clip(means + np.concatenate(ends), *outermost))


def t_ends(values: Values) -> Float[ndarray, "columns 2"]:
    """Of the mean of each row: mean -+ t sd / sqrt(n)."""
    n = values.shape[1]
    half = stdtrit(n - 1, (1 + CONFIDENCE) / 2) * values.std(1, ddof=1) / np.sqrt(n)
    return np.asarray(values.mean(1)[:, None] + half[:, None] * np.array([-1.0, 1.0]))


def in_blocks(values: Values) -> Iterator[Values]:
    """A few rows at a time: their resampled means take 5 MB."""
    for start in range(0, len(values), ROWS_AT_ONCE):
        yield values[start : start + ROWS_AT_ONCE]


def by_length(samples: Iterable[Sample]) -> Mapping[int, list[int]]:
    """The places of the samples of each length."""
    places = defaultdict(list)
    for place, sample in enumerate(samples):
        places[len(sample)].append(place)
    return places
