"""95 % intervals: against scipy, against the textbook, and by their coverage of known means."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy import ndarray
from scipy import stats

from ids.core.errors import ConfigError
from ids.results.grids import MISSING
from ids.results.intervals import bootstrap_ends, check_kind, estimates, t_ends
from ids.results.resampling import (
    bootstrap_interval,
    count_blocks,
    draw_counts,
    expanded_quantile,
    on_grid,
)

Draw = Callable[[np.random.Generator, tuple[int, int]], ndarray]
LAWS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda rng, shape: rng.standard_normal(shape), 0.0),
    "gamma, skewness 1": (lambda rng, shape: rng.gamma(4, size=shape), 4.0),
    "exponential, skewness 2": (lambda rng, shape: rng.exponential(size=shape), 1.0),
}
TABLES = 6000
ERROR = 1.96 * math.sqrt(0.05 * 0.95 / TABLES)  # of the coverage: half a percent
SKEWED = np.random.default_rng(3).exponential(size=24)


def coverage(ends: ndarray, mean: float) -> float:
    return float(np.mean((ends[:, 0] <= mean) & (mean <= ends[:, 1])))


def percentile_ends(values: ndarray) -> ndarray:
    """The plain percentile interval."""
    means = values @ draw_counts(values.shape[1], 1000).T / values.shape[1]
    return np.percentile(means, [2.5, 97.5], axis=1).T


def nested(n: int, n_seeds: int, between: float, tables: int) -> ndarray:
    """Normal cases x seeds of mean zero; the spread of the seeds is 1."""
    rng = np.random.default_rng(n)
    of_cases = between * rng.standard_normal((tables, n, 1))
    return np.asarray(of_cases + rng.standard_normal((tables, n, n_seeds)))


@pytest.mark.parametrize("n", [10, 24, 100])
@pytest.mark.parametrize("law", LAWS)
def test_intervals_cover_the_mean(law: str, n: int) -> None:
    draw, mean = LAWS[law]
    values = draw(np.random.default_rng(n), (TABLES, n))
    assert 0.93 - ERROR <= coverage(bootstrap_ends(values, 1000), mean) <= 0.97 + ERROR


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 24, 100])
@pytest.mark.parametrize("law", LAWS)
def test_intervals_of_the_tables_cover_the_mean(law: str, n: int) -> None:
    """As the tables have them: with 10,000 resamples."""
    draw, mean = LAWS[law]
    values = draw(np.random.default_rng(100 + n), (10_000, n))
    assert 0.93 <= coverage(bootstrap_ends(values), mean) <= 0.97


@pytest.mark.parametrize("n", [10, 24, 100])
@pytest.mark.parametrize("between", [0.0, 1.0])
def test_intervals_cover_the_mean_of_cases_with_seeds(n: int, between: float) -> None:
    ends = bootstrap_ends(nested(n, 3, between, TABLES).mean(2), 1000)
    assert 0.93 - ERROR <= coverage(ends, 0.0) <= 0.97 + ERROR


def test_the_check_of_coverage_fails_for_wrong_methods() -> None:
    rng = np.random.default_rng(0)
    assert coverage(percentile_ends(rng.standard_normal((TABLES, 10))), 0.0) < 0.93 - ERROR
    assert coverage(t_ends(rng.exponential(size=(TABLES, 10))), 1.0) < 0.93 - ERROR
    edits = nested(24, 3, 1.0, 1000).reshape(1000, -1)  # every edit as a case
    assert coverage(bootstrap_ends(edits, 600), 0.0) < 0.88


def test_resampling_the_seeds_of_a_case_too_counts_their_spread_twice() -> None:
    values, rng = nested(24, 3, 0.0, 400), np.random.default_rng(1)
    quantiles = stats.norm.cdf(np.array([-1, 1]) * expanded_quantile(24))
    ends = []
    for table in values:
        cases = rng.integers(0, 24, (500, 24, 1))
        seeds = rng.integers(0, 3, (500, 24, 3))
        ends.append(np.quantile(table[cases, seeds].mean((1, 2)), quantiles))
    assert coverage(np.array(ends), 0.0) > 0.97 + ERROR


def test_bootstrap_t_is_that_of_the_textbook() -> None:
    rng, n = np.random.default_rng(0), len(SKEWED)
    drawn = SKEWED[rng.integers(0, n, (50_000, n))]
    t = (drawn.mean(1) - SKEWED.mean()) / (drawn.std(1, ddof=1) / math.sqrt(n))
    error = SKEWED.std(ddof=1) / math.sqrt(n)
    wanted = SKEWED.mean() - np.quantile(t, [0.975, 0.025]) * error
    found = bootstrap_ends(SKEWED[None], 50_000)[0]
    np.testing.assert_allclose(found, wanted, atol=0.05 * error)


def test_intervals_of_other_statistics_are_bias_corrected_at_the_expanded_level() -> None:
    n = len(SKEWED)
    drawn = draw_counts(n, 20_000)
    cubes = np.cbrt(drawn @ SKEWED**3 / n)  # a biased statistic
    value, spread = float(np.cbrt((SKEWED**3).mean())), cubes.std()
    found = bootstrap_interval(cubes[None], np.array([value]), n)[0]
    bias = stats.norm.ppf((cubes < value).mean())
    quantile = math.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1)
    shares = stats.norm.cdf(2 * bias + np.array([-quantile, quantile]))
    np.testing.assert_allclose(found, np.quantile(cubes, shares), atol=0.01 * spread)
    plain = np.quantile(cubes, stats.norm.cdf([-quantile, quantile]))
    assert np.abs(found - plain).min() > 0.1 * spread


def test_student_t_is_that_of_scipy() -> None:
    (found,) = estimates([SKEWED], "t")
    wanted = stats.t.interval(0.95, 23, loc=SKEWED.mean(), scale=stats.sem(SKEWED))
    assert (found.low, found.high) == pytest.approx(wanted)


@pytest.mark.parametrize("kind", ["bootstrap", "t"])
def test_an_interval_needs_two_cases(kind: str) -> None:
    none, one, two, equal = estimates(
        [np.array([]), np.array([3.0]), np.array([1.0, 2.0]), np.full(6, 0.1)], check_kind(kind)
    )
    assert none == MISSING
    assert (one.value, one.n, math.isnan(one.low)) == (3, 1, True)
    assert two.low < two.value < two.high
    assert (equal.value, equal.low, equal.high) == pytest.approx((0.1, 0.1, 0.1))


def test_an_interval_of_successes_stays_finite_and_between_zero_and_one() -> None:
    for n, failures in ((6, 1), (10, 1), (24, 1), (24, 23), (100, 3)):
        values = np.array([0.0] * failures + [1.0] * (n - failures))
        (found,) = estimates([values], "bootstrap")
        assert 0 <= found.low < found.value < found.high <= 1


def test_an_interval_depends_on_its_own_values_alone() -> None:
    rng = np.random.default_rng(0)
    samples = [rng.standard_normal(n) for n in (24, 24, 23, 24, 10)] + [SKEWED] * 65
    together = estimates(samples, "bootstrap")
    assert together[:6] == [estimates([sample], "bootstrap")[0] for sample in samples[:6]]
    assert together[::-1] == estimates(samples[::-1], "bootstrap")


def test_sums_on_the_grid_have_no_rounding_errors() -> None:
    values = on_grid(np.random.default_rng(0).lognormal(sigma=3, size=(5, 700)))
    order = np.random.default_rng(1).permutation(700)
    assert (values.sum(1) == values[:, order].sum(1)).all()
    counts = draw_counts(700, 10)
    assert (values @ counts.T == values[:, order] @ counts[:, order].T).all()
    assert (on_grid(np.zeros((1, 3))) == 0).all()


def test_resamples_of_many_cases_are_drawn_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers in less memory: 7 resamples of 301 cases at a time."""
    rng, n = np.random.default_rng(5), 301
    drawn = rng.integers(0, n, size=(1000, n), dtype=np.int32)
    counts = np.array([np.bincount(line, minlength=n) for line in drawn])
    values = rng.lognormal(size=(70, n))
    ends = bootstrap_ends(values, 1000)
    monkeypatch.setattr("ids.results.resampling.COUNTS_AT_ONCE", 7 * n)
    monkeypatch.setattr("ids.results.intervals.CASES_KEPT", 0)
    assert (draw_counts(n, 1000, seed=5) == counts).all()
    assert max(map(len, count_blocks(n, 1000))) == 7
    assert (bootstrap_ends(values, 1000) == ends).all()


def test_another_kind_of_interval_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected bootstrap or t; got 'normal'"):
        check_kind("normal")
