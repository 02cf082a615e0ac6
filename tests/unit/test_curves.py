"""Matched strength: curves, where they reach a level, what is read there, with what certainty."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ids.core.errors import ConfigError, DataError
from ids.report.figure import draw_curves
from ids.report.render import text_grid
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
from ids.results.cells import Cell
from ids.results.columns import columns_in, select_columns
from ids.results.curves import Curves
from ids.results.matched import Question, axis_of, matched_report

STEPS = (0.0, 10.0, 20.0, 30.0)
CASES = tuple(f"c{i:02}" for i in range(40))


def curves(speed: float, loss: float, n: int = 40, seed: int = 0) -> Curves:
    """Cases that edit at `speed` a step and lose `loss` of identity per unit of strength."""
    rng = np.random.default_rng(seed)
    own = rng.normal(1, 0.1, (n, 1))
    strength = speed * own * np.array([STEPS])
    level = rng.normal(30, 3, (n, 1))
    values = {"axis": strength, "psnr": level - loss * strength, "step": np.tile(STEPS, (n, 1))}
    return Curves(np.array(STEPS), values, moving=True)


def test_the_first_row_of_the_weights_is_the_plain_mean() -> None:
    weights = resampled(7)
    assert np.allclose(weights[0], 1 / 7)
    assert np.allclose(weights.sum(1), 1)
    assert len(weights) == 2001


def test_undefined_cases_are_left_out_of_a_mean() -> None:
    values = np.array([[1.0, math.nan], [3.0, 5.0]])
    weights = resampled(2, 0)
    whole = weights @ np.ones((2, 2))
    assert mean_curve(values, weights)[0].tolist() == [2.0, 5.0]
    assert mean_curve(values, weights, whole)[0].tolist() == [2.0, 5.0]


def test_a_level_is_where_the_curve_first_gets_there() -> None:
    curve = np.array([[0.0, 0.5, 1.0, 0.2], [0.0, 0.1, 0.2, 0.3], [0.7, 0.9, 1.0, 1.0]])
    assert first_reach(curve, 0.6)[0] == pytest.approx(1.2)
    assert math.isnan(first_reach(curve, 0.6)[1])
    assert first_reach(curve, 0.6)[2] == 0
    assert read_at(curve, first_reach(curve, 0.6))[0] == pytest.approx(0.6)
    undefined = np.array([[math.nan, 0.9]])
    assert first_reach(undefined, 0.5)[0] == 1


@settings(max_examples=20)
@given(speed=st.floats(0.02, 0.2), level=st.floats(0.05, 0.5))
def test_a_faster_method_of_equal_cost_reads_the_same_at_equal_strength(
    speed: float, level: float
) -> None:
    """What unmatched tables get wrong: after equal steps the slower one looks better."""
    slow, fast = curves(0.02, 10), curves(speed, 10)
    a, b = (read([own], Level("axis", level), "psnr", mean_curves()) for own in (slow, fast))
    assert a.value == pytest.approx(b.value, abs=1e-9)


def test_a_paired_interval_is_narrower_than_its_halves_and_holds_the_truth() -> None:
    ours, theirs = curves(0.05, 5), curves(0.05, 10)
    mean, level = mean_curves(), Level("axis", 0.5)
    gap, alone = (read(sides, level, "psnr", mean) for sides in ([ours, theirs], [ours]))
    assert gap.low <= 2.5 <= gap.high
    assert gap.high - gap.low < 0.2 * (alone.high - alone.low)


def test_what_is_not_reached_is_not_told() -> None:
    missing = read([curves(0.01, 5)], Level("axis", 99.0), "psnr", mean_curves())
    assert math.isnan(missing.value)
    seldom = np.concatenate([[1.0], np.full(1000, math.nan), np.ones(1000)])
    assert reading(seldom, 4).value == 1
    assert math.isnan(reading(seldom, 4).low)
    assert reading(np.array([1.0, 0.5, 1.5]), 4) == Cell(1.0, 0.525, 1.475, 4)


def lines(label: str, own: Curves, seeds: int = 2) -> list[dict[str, object]]:
    values = {"distillation": label.split(" ")[0], "g": label[-2:]}
    common = {"label": label, "values": values}
    return [
        {
            **common,
            "key": f"{label}{case}{seed}",
            "case": case,
            "seed": seed,
            "step": step,
            "nfe": 4 * step,
            "success": own.values["axis"][row, at],
            "psnr": own.values["psnr"][row, at],
        }
        for row, case in enumerate(CASES[: own.n_cases])
        for at, step in enumerate(own.steps)
        for seed in range(seeds)
    ]


def constant(label: str, psnr: float) -> list[dict[str, object]]:
    values = {"axis": np.ones((len(CASES), 1)), "psnr": np.full((len(CASES), 1), psnr)}
    own = Curves(np.zeros(1), values, moving=False)
    return lines(label, own, seeds=1)


def data() -> pd.DataFrame:
    return pd.DataFrame(
        [
            *lines("ids (g=3)", curves(0.05, 5)),
            *lines("dds (g=3)", curves(0.05, 10)),
            *lines("dds (g=7)", curves(0.05, 20)),
            *constant("true_edit", 31.0),
        ]
    )


def test_the_report_reads_every_setting_at_every_level_against_its_nearest_baseline() -> None:
    report = matched_report("t", data(), Question("success", (0.5, 9.0)))
    table, differences, unreached = map(text_grid, report.grids[:3])
    by_label = {line[0]: dict(zip(table.headers, line, strict=True)) for line in table.lines}
    assert by_label["true_edit"]["PSNR ↑"].startswith("31.00")
    assert by_label["ids (g=3)"]["success ↑"].startswith("0.50")
    paired = {
        line[0]: dict(zip(differences.headers, line, strict=True)) for line in differences.lines
    }
    assert paired["ids (g=3)"]["against"] == "dds (g=3)"
    assert paired["ids (g=3)"]["PSNR ↑"].startswith("+2.5")
    assert all(line[2] == "-" for line in unreached.lines if line[0] != "true_edit")


def test_the_order_of_the_records_changes_nothing() -> None:
    ordered = matched_report("t", data(), Question())
    shuffled = matched_report("t", data().sample(frac=1, random_state=1), Question())
    assert ordered.json() == shuffled.json()


def test_axes_are_taken_by_rank_and_unknown_ones_refused() -> None:
    assert axis_of(data()) == "success"
    for axis in ("latent_distance", "clip_directional"):
        assert axis_of(data().rename(columns={"success": axis})) == axis
    with pytest.raises(DataError, match="got 'beauty'; name another with --axis"):
        axis_of(data(), "beauty")
    with pytest.raises(DataError, match="such as success"):
        axis_of(data().drop(columns="success"))


def test_an_axis_of_two_networks_is_not_guessed() -> None:
    two = data().rename(columns={"success": "success | a"})
    two["success | b"] = two["success | a"]
    with pytest.raises(DataError, match=r"several, by network: success \| a, success \| b"):
        axis_of(two)
    assert axis_of(two, "success | a") == "success | a"


@pytest.mark.parametrize("frame", [pd.DataFrame(), data().query("label == 'true_edit'")])
def test_without_states_there_is_nothing_to_match(frame: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="keep_every=10"):
        axis_of(frame)


def test_levels_come_from_those_that_move() -> None:
    """The untouched image has strength 0 and must not set the level."""
    null = pd.DataFrame(constant("null_edit", 31.0))
    null["success"] = 0.0
    frame = pd.concat([data(), null]).rename(columns={"success": "latent_distance"})
    report = matched_report("t", frame, Question())
    lowest = (
        0.5 * frame[frame["label"] == "dds (g=3)"].groupby("step")["latent_distance"].mean().max()
    )
    assert f"first reaches {lowest:.3g}" in report.grids[0].title


def test_an_axis_that_does_not_grow_is_refused() -> None:
    with pytest.raises(DataError, match="starts at 3"):
        matched_report("t", data(), Question("psnr", (28.0,)))
    still = data().rename(columns={"success": "latent_distance"})
    still["latent_distance"] = 0.0
    with pytest.raises(DataError, match="never gets above 0;"):
        matched_report("t", still, Question())


@pytest.mark.parametrize("level", [math.nan, math.inf])
def test_a_level_is_a_finite_number(level: float) -> None:
    with pytest.raises(ConfigError, match="expected a finite number"):
        matched_report("t", data(), Question("success", (level,)))


def told(frame: pd.DataFrame, label: str, column: str, grid: int = 1) -> str:
    made = matched_report("t", frame, Question("success", (0.5,))).grids[grid]
    made = text_grid(made)
    (line,) = (line for line in made.lines if line[0] == label)
    return dict(zip(made.headers, line, strict=True))[column]


def test_steps_that_only_some_cases_kept_are_not_read() -> None:
    """A mean over other cases at every step is no curve."""
    frame = data()
    strays = frame[(frame["label"] == "ids (g=3)") & (frame["case"] == "c00")].copy()
    strays["step"] += 5
    strays["success"] = 9.0
    both = pd.concat([frame, strays[strays["step"] < 30]])
    assert told(both, "ids (g=3)", "steps", 0) == told(frame, "ids (g=3)", "steps", 0)


def test_a_difference_uses_the_seeds_that_both_have() -> None:
    frame = data()
    frame.loc[(frame["label"] == "ids (g=3)") & (frame["seed"] == 1), "psnr"] += 20
    alone = frame[~((frame["label"] == "dds (g=3)") & (frame["seed"] == 1))]
    assert told(alone, "ids (g=3)", "PSNR ↑").startswith("+2.5")


def test_a_difference_uses_the_cases_where_both_are_defined() -> None:
    frame = data()
    few = (frame["label"] == "dds (g=3)") & (frame["case"] > "c09")
    frame.loc[few, "psnr"] = math.nan
    assert "(n=10)" in told(frame, "ids (g=3)", "PSNR ↑")
    assert told(frame, "ids (g=3)", "PSNR ↑").startswith(("+2.4", "+2.5", "+2.6"))
    frame.loc[frame["label"] == "dds (g=3)", "psnr"] = math.nan
    assert told(frame, "ids (g=3)", "PSNR ↑") == "-"


def test_settings_without_a_common_case_have_no_difference() -> None:
    frame = data()
    frame.loc[frame["label"].str.startswith("dds"), "case"] += "x"
    report = matched_report("t", frame, Question("success", (0.5,)))
    assert len(report.grids) == 1


def test_what_is_undefined_at_the_source_alone_is_still_read() -> None:
    curve = np.array([[math.nan, 2.0, 3.0]])
    assert read_at(curve, np.array([0.5])) == 2.0
    assert read_at(np.array([[1.0, math.nan]]), np.array([0.0])) == 1.0


def test_the_image_has_a_curve_per_setting(tmp_path: Path) -> None:
    frame = data().rename(columns={"psnr": "psnr_background"})
    path = draw_curves(frame, "success", "title", tmp_path / "curves.md")
    assert path is not None
    assert path.stat().st_size > 10_000
    assert draw_curves(data().drop(columns="psnr"), "success", "t", tmp_path / "x.md") is None


def test_a_image_takes_names_as_they_are(tmp_path: Path) -> None:
    """A dollar starts no formula: this one could not be drawn."""
    frame = data().rename(columns={"psnr": "psnr_background"})
    frame["label"] = frame["label"].replace("true_edit", "$\\nonsense{$\n")
    assert draw_curves(frame, "success", "$\\nonsense{$", tmp_path / "x.md") is not None


def test_columns_are_asked_for_by_name_and_new_metrics_show_unasked() -> None:
    frame = pd.DataFrame({"label": ["a"], "clip_score | a": [1.0], "clip_score | b": [2.0]})
    frame["beauty"], frame["ssim"] = 3.0, 4.0
    assert [c.title for c in columns_in(select_columns(frame, ()))] == [
        "CLIP a",
        "CLIP b",
        "beauty",
    ]
    assert [c.title for c in columns_in(select_columns(frame, ["clip_score"]))] == [
        "CLIP a",
        "CLIP b",
    ]
    assert [c.title for c in columns_in(select_columns(frame, ["ssim"], keep="beauty"))] == [
        "beauty",
        "ssim",
    ]
    with pytest.raises(ConfigError, match="expected one of beauty, clip_score, ssim; got 'psnr'"):
        select_columns(frame, ["psnr"])
