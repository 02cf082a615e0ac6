"""Curves: where they reach a level, the values at that point, and their intervals."""

import math

import numpy as np
import pytest
from curve_frames import curves
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from ids.results.bootstrap import (
    Level,
    first_reach,
    mean_curve,
    mean_curves,
    read,
    read_at,
    reading,
    resampled,
)
from ids.results.grids import Estimate


def test_the_first_row_of_the_weights_is_the_plain_mean() -> None:
    weights = resampled(7)
    assert np.allclose(weights[0], 1 / 7)
    assert np.allclose(weights.sum(1), 1)
    assert len(weights) == 10_001


def test_undefined_cases_are_left_out_of_a_mean() -> None:
    values = np.array([[1.0, math.nan], [3.0, 5.0]])
    weights = resampled(2, 0)
    whole = weights @ np.ones((2, 2))
    assert mean_curve(values, weights)[0].tolist() == [2.0, 5.0]
    assert mean_curve(values, weights, whole)[0].tolist() == [2.0, 5.0]


def test_a_level_is_where_the_curve_first_is_reached() -> None:
    curve = np.array([[0.0, 0.5, 1.0, 0.2], [0.0, 0.1, 0.2, 0.3], [0.7, 0.9, 1.0, 1.0]])
    assert first_reach(curve, 0.6)[0] == pytest.approx(1.2)
    assert math.isnan(first_reach(curve, 0.6)[1])
    assert first_reach(curve, 0.7)[2] == 0
    assert math.isnan(first_reach(curve, 0.6)[2])  # it starts above the level
    assert read_at(curve, first_reach(curve, 0.6))[0] == pytest.approx(0.6)
    undefined = np.array([[math.nan, 0.9]])
    assert first_reach(undefined, 0.5)[0] == 1


@settings(max_examples=20)
@given(speed=st.floats(0.02, 0.2), level=st.floats(0.05, 0.5))
def test_a_faster_method_of_equal_cost_reads_the_same_at_equal_strength(
    speed: float, level: float
) -> None:
    """After equal steps the slower method looks better: the fault of unmatched tables."""
    slow, fast = curves(0.02, 10), curves(speed, 10)
    a, b = (read([curve], Level("axis", level), "psnr", mean_curves()) for curve in (slow, fast))
    assert a.value == pytest.approx(b.value, abs=1e-9)


def test_a_paired_interval_is_narrower_than_its_halves_and_holds_the_truth() -> None:
    ours, theirs = curves(0.05, 5), curves(0.05, 10)
    mean, level = mean_curves(), Level("axis", 0.5)
    gap, alone = (read(sides, level, "psnr", mean) for sides in ([ours, theirs], [ours]))
    assert gap.low - 1e-9 <= 2.5 <= gap.high + 1e-9
    assert gap.high - gap.low < 0.2 * (alone.high - alone.low)


def test_a_level_that_is_seldom_reached_has_no_interval() -> None:
    missing = read([curves(0.01, 5)], Level("axis", 99.0), "psnr", mean_curves())
    assert math.isnan(missing.value)
    seldom = np.concatenate([[1.0], np.full(1000, math.nan), np.ones(1000)])
    assert reading(seldom, 4).value == 1
    assert math.isnan(reading(seldom, 4).low)
    assert reading(np.array([1.0, 0.5, 1.5]), 1) == Estimate(1.0, n=1)


def test_the_interval_of_normal_resamples_is_student_s() -> None:
    resamples = norm.ppf((np.arange(10_000) + 0.5) / 10_000)
    cell = reading(np.concatenate([[0.0], resamples]), 12)
    half = math.sqrt(12 / 11) * t.ppf(0.975, 11)
    assert (cell.low, cell.high) == pytest.approx((-half, half), rel=0.01)


def test_what_is_undefined_at_the_source_alone_is_still_read() -> None:
    curve = np.array([[math.nan, 2.0, 3.0]])
    assert read_at(curve, np.array([0.5])) == 2.0
    assert read_at(np.array([[1.0, math.nan]]), np.array([0.0])) == 1.0
