"""Tests of paired differences: against scipy, published numbers, and by their rate of errors."""

import math

import numpy as np
import pytest
from scipy import stats

from ids.results.power import cases_needed, detectable_effect, power
from ids.results.significance import ALPHA, effect_size, holm, sign_flip_p_values

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", [2, 5, 8, 13])
def test_the_sign_flip_test_is_the_exact_permutation_test(n: int) -> None:
    for values in (RNG.standard_normal(n) + 0.4, RNG.integers(-1, 3, n) / 3):
        exact = stats.permutation_test(
            (values,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        assert sign_flip_p_values([values]) == [pytest.approx(exact.pvalue)]


def test_of_signs_alone_it_is_the_sign_test() -> None:
    values = np.array([1.0] * 16 + [-1.0] * 5 + [0.0] * 3)
    (p,) = sign_flip_p_values([RNG.permutation(values)])
    assert p == pytest.approx(stats.binomtest(16, 21).pvalue)


@pytest.mark.parametrize("n", [25, 100, 700])
def test_of_many_cases_it_is_near_the_t_test(n: int) -> None:
    for shift in (0.5, 2.0, 3.0):
        values = RNG.standard_normal(n)
        values += shift / math.sqrt(n) - values.mean()
        (p,) = sign_flip_p_values([values])
        assert p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=0.25)


def test_p_values_depend_on_their_own_sample_alone() -> None:
    samples = [RNG.standard_normal(n) for n in (10, 24, 30, 30, 31)]
    assert sign_flip_p_values(samples) == [sign_flip_p_values([x])[0] for x in samples]
    assert sign_flip_p_values([-samples[2]]) == [sign_flip_p_values(samples)[2]]


def test_without_differences_nothing_is_significant() -> None:
    none, zero, one = sign_flip_p_values([np.array([]), np.zeros(9), np.array([2.0])])
    assert math.isnan(none)
    assert (zero, one) == (1, 1)


def test_p_values_are_uniform_without_a_difference() -> None:
    p = np.array(
        sign_flip_p_values(
            list(RNG.exponential(size=(3000, 10)) * RNG.choice([-1, 1], size=(3000, 10)))
        )
    )
    for level in (0.05, 0.2, 0.5):
        assert np.mean(p <= level) == pytest.approx(level, abs=0.025)


def test_holm_is_step_down() -> None:
    """Example of Holm 1979 by hand: 3 x 0.01, 2 x 0.03, 1 x 0.04; never falling."""
    found = holm([0.01, 0.04, math.nan, 0.03])
    assert found[:2] + found[3:] == pytest.approx([0.03, 0.06, 0.06])
    assert math.isnan(found[2])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


def test_holm_bounds_the_rate_of_false_positives() -> None:
    shared = RNG.standard_normal((400, 1, 12))  # all differences are to one baseline
    tables = RNG.standard_normal((400, 8, 12)) - shared
    p = np.array(sign_flip_p_values(list(tables.reshape(-1, 12)))).reshape(400, 8)
    corrected = np.array([holm(list(line)) for line in p])
    assert np.mean((p < ALPHA).any(1)) > 0.15
    assert np.mean((corrected < ALPHA).any(1)) < 0.08


def test_effect_size_is_mean_over_standard_deviation() -> None:
    assert effect_size(np.array([1.0, 2.0, 3.0])) == 2
    assert effect_size(np.array([-1.0, -2.0, -3.0])) == -2
    assert math.isnan(effect_size(np.array([1.0])))
    assert math.isnan(effect_size(np.full(7, 0.1)))


@pytest.mark.parametrize(("effect", "n"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_cases_needed_are_those_of_published_tables(effect: float, n: int) -> None:
    """Two-sided paired t test, 5 %, 80 %: G*Power 3 (Faul et al. 2007) has these numbers, too."""
    assert cases_needed(effect) == cases_needed(-effect) == n
    assert power(effect, n - 1) < 0.8 <= power(effect, n)


@pytest.mark.parametrize("n", [2, 5, 24, 1000])
def test_power_is_a_tail_of_the_noncentral_t_law(n: int) -> None:
    critical, law = stats.t.ppf(0.975, n - 1), stats.nct(n - 1, 0.5 * math.sqrt(n))
    assert power(0.5, n) == pytest.approx(law.sf(critical) + law.cdf(-critical))
    assert power(detectable_effect(n), n) == pytest.approx(0.8)


def test_impossible_plans() -> None:
    assert cases_needed(0.0) == cases_needed(1e-9) == math.inf
    assert cases_needed(100.0) == 2
    assert math.isnan(cases_needed(math.nan))
    assert math.isnan(detectable_effect(1))
    assert power(50.0, 100) == 1


def test_the_sign_flip_test_has_the_promised_power() -> None:
    samples = list(np.random.default_rng(1).standard_normal((1000, 34)) + 0.5)
    found = np.mean(np.array(sign_flip_p_values(samples)) < ALPHA)
    assert found == pytest.approx(0.8, abs=0.04)
