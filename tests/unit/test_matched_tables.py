"""Tables at matched edit strength: axis, levels, pairs, and the figure."""

import math
from pathlib import Path

import pandas as pd
import pytest
from curve_frames import constant, data

from ids.core.errors import ConfigError, DataError
from ids.report.figure import draw_curves
from ids.report.formats import json_text
from ids.report.render import text_grid
from ids.results.columns import Column
from ids.results.levels import axis_of
from ids.results.matched import matched_report
from ids.results.methods import Question


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
    assert json_text(ordered) == json_text(shuffled)


def test_axes_are_taken_by_rank_and_unknown_ones_refused() -> None:
    assert axis_of(data()) == "success"
    for axis in ("latent_distance", "clip_directional"):
        assert axis_of(data().rename(columns={"success": axis})) == axis
    with pytest.raises(DataError, match="got 'beauty'; name another with --axis"):
        axis_of(data(), "beauty")
    with pytest.raises(DataError, match="got none of success, "):
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
    with pytest.raises(DataError, match="never exceed 0;"):
        matched_report("t", still, Question())


@pytest.mark.parametrize("level", [math.nan, math.inf])
def test_a_level_is_a_finite_number(level: float) -> None:
    with pytest.raises(ConfigError, match="expected a finite number"):
        matched_report("t", data(), Question("success", (level,)))


def shown(frame: pd.DataFrame, label: str, column: str, grid: int = 1) -> str:
    text = text_grid(matched_report("t", frame, Question("success", (0.5,))).grids[grid])
    (line,) = (line for line in text.lines if line[0] == label)
    return dict(zip(text.headers, line, strict=True))[column]


def test_steps_that_only_some_cases_kept_are_not_read() -> None:
    """A mean over other cases at every step is no curve."""
    frame = data()
    outliers = frame[(frame["label"] == "ids (g=3)") & (frame["case"] == "c00")].copy()
    outliers["step"] += 5
    outliers["success"] = 9.0
    both = pd.concat([frame, outliers[outliers["step"] < 30]])
    assert shown(both, "ids (g=3)", "steps", 0) == shown(frame, "ids (g=3)", "steps", 0)


def test_a_difference_uses_the_seeds_that_both_have() -> None:
    frame = data()
    frame.loc[(frame["label"] == "ids (g=3)") & (frame["seed"] == 1), "psnr"] += 20
    alone = frame[~((frame["label"] == "dds (g=3)") & (frame["seed"] == 1))]
    assert shown(alone, "ids (g=3)", "PSNR ↑").startswith("+2.5")


def test_a_difference_uses_the_cases_where_both_are_defined() -> None:
    frame = data()
    few = (frame["label"] == "dds (g=3)") & (frame["case"] > "c09")
    frame.loc[few, "psnr"] = math.nan
    assert "(n=" not in shown(frame, "ids (g=3)", "PSNR ↑ (n=10)")
    assert shown(frame, "ids (g=3)", "PSNR ↑ (n=10)").startswith(("+2.4", "+2.5", "+2.6"))
    frame.loc[frame["label"] == "dds (g=3)", "psnr"] = math.nan
    assert shown(frame, "ids (g=3)", "PSNR ↑") == "-"


def test_settings_without_a_common_case_have_no_difference() -> None:
    frame = data()
    frame.loc[frame["label"].str.startswith("dds"), "case"] += "x"
    report = matched_report("t", frame, Question("success", (0.5,)))
    assert len(report.grids) == 1


def test_the_figure_has_a_curve_per_setting(tmp_path: Path) -> None:
    frame = data().rename(columns={"psnr": "psnr_background"})
    panels, question = [Column("psnr_background", "PSNR bg", 2, 1)], Question("success")
    for path in draw_curves(frame, question, "title", tmp_path / "curves.md", panels):
        assert path.stat().st_size > 10_000
    undefined = frame.assign(psnr_background=math.nan)
    assert draw_curves(undefined, question, "t", tmp_path / "x.md", panels) == []


def test_a_figure_takes_names_as_they_are(tmp_path: Path) -> None:
    """A dollar starts no formula: this one could not be drawn."""
    frame = data().rename(columns={"psnr": "psnr_background"})
    frame["label"] = frame["label"].replace("true_edit", "$\\nonsense{$\n")
    panels = [Column("psnr_background", "PSNR bg", 2, 1)]
    place = tmp_path / "x.md"
    assert draw_curves(frame, Question("success"), "$\\nonsense{$", place, panels)
    (pdf,) = draw_curves(frame, Question("success"), "t", place, panels, endings=("pdf",))
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF")
    draw_curves(frame, Question("success"), "t", place, panels, endings=("pdf",))
    assert pdf.read_bytes() == content
