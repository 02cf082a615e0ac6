"""Curves along a number of the settings: families, direction, choice, and matched tables."""

import math
from dataclasses import replace

import pandas as pd
import pytest
from curve_frames import data, sampled, straight

from ids.core.errors import ConfigError, DataError
from ids.results.columns import columns_in
from ids.results.families import knob_keys
from ids.results.frontier_report import frontier_report
from ids.results.knobs import along_knobs, parse_knobs
from ids.results.labels import in_order
from ids.results.levels import SUCCESS_LEVELS
from ids.results.matched import matched, matched_report
from ids.results.methods import Question

STRENGTHS = (0.9, 0.3, 0.6)  # not in order
SETTINGS = [{"strength": s, "n_steps": 50} for s in STRENGTHS]


def sdedit(**values: object) -> list[dict[str, object]]:
    settings = [{**setting, **values} for setting in SETTINGS]
    return sampled("sdedit", settings, STRENGTHS, [-10 * s for s in STRENGTHS])


def test_settings_that_differ_in_one_number_are_one_curve() -> None:
    along = along_knobs(pd.DataFrame(sdedit()), "success", {})
    assert along.knobs == {"sdedit": "strength"}
    points = along.frame.groupby("step")["knob"].unique().map(list).to_dict()
    assert points == {1.0: [0.3], 2.0: [0.6], 3.0: [0.9]}
    assert along.frame["values"].iloc[0] == {"n_steps": "50"}
    assert along.notes == ("sdedit: along strength, 0.3 to 0.9 (3 settings).",)


def test_points_are_in_the_order_of_growing_strength() -> None:
    """More self-attention from the source edits less."""
    settings = [{"self_share": share} for share in (0.0, 0.5, 1.0)]
    along = along_knobs(
        pd.DataFrame(sampled("p2p", settings, (0.9, 0.5, 0.1), (1, 2, 3))), "success", {}
    )
    assert along.frame.groupby("step")["knob"].first().tolist() == [1.0, 0.5, 0.0]


def test_further_values_split_families_and_keys_of_equal_value_count_once() -> None:
    frame = pd.DataFrame([*sdedit(eta="a", same=1), *sdedit(eta="b", same=1)])
    along = along_knobs(frame, "success", {})
    assert set(along.knobs) == {"sdedit (eta=a)", "sdedit (eta=b)"}
    twins = {f"x{g}": {"g": f"{g}", "inversion.g": f"{g}", "backbone.b": f"{g}"} for g in (1, 2)}
    assert knob_keys(twins) == ["g"]
    assert knob_keys({"x": {"a": "1"}, "y": {"b": "1"}}) == []
    assert knob_keys({"x": {"a": "[1, 2]"}, "y": {"a": "1"}}) == []


def test_several_numbers_need_a_choice() -> None:
    settings = [{"a": a, "b": b} for a in (1, 2) for b in (1, 2)]
    rows = sampled("p2p", settings, (0.1, 0.2, 0.3, 0.4), (4, 3, 2, 1))
    frame = pd.DataFrame(rows)
    (note,) = along_knobs(frame, "success", {}).notes
    assert "choose one with --knob p2p=a" in note
    with pytest.raises(DataError, match="choose one with --knob p2p=a"):
        matched_report("t", frame, Question(levels=(0.2,)))
    assert set(along_knobs(frame, "success", {"p2p": "b"}).knobs) == {"p2p (a=1)", "p2p (a=2)"}
    for wrong in ("c", "label"):
        with pytest.raises(ConfigError, match=f"--knob p2p={wrong}: expected one number"):
            along_knobs(frame, "success", {"p2p": wrong})


def test_a_method_with_steps_takes_another_knob_by_its_finished_edits() -> None:
    settings = {"g": "3", "fpr.scale": "0.1"}, {"g": "3", "fpr.scale": "0.4"}
    rows = [
        line | {"values": values, "label": f"ids (scale={values['fpr.scale']})", "key": str(i)}
        for i, (values, top) in enumerate(zip(settings, (0.4, 0.8), strict=True))
        for line in straight("ids", [(0, 30), (top / 2, 29), (top, 28)])
    ]
    along = along_knobs(pd.DataFrame(rows), "success", {"ids": "scale"})
    assert along.knobs == {"ids": "fpr.scale"}
    assert along.frame.groupby("knob")["success"].mean().tolist() == pytest.approx([0.4, 0.8])
    steps = along_knobs(pd.DataFrame(rows), "success", {})
    assert set(steps.knobs.values()) == {"steps"}


@pytest.mark.parametrize("word", ["sdedit", "=strength", "sdedit=", ""])
def test_a_knob_names_a_method_and_a_key(word: str) -> None:
    with pytest.raises(ConfigError, match="--knob: expected METHOD=KEY"):
        parse_knobs([word])
    assert parse_knobs(["a=b.c", "d=e"]) == {"a": "b.c", "d": "e"}


def test_a_single_setting_is_named_with_the_command_that_sweeps_it() -> None:
    single = sampled("sdedit", [{"n_steps": 50, "strength": 0.8}], (0.5,), (1,))
    report = matched_report("t", pd.concat([data(), pd.DataFrame(single)]), Question())
    (note,) = (note for note in report.notes if note.startswith("sdedit"))
    assert "`ids run -m method=sdedit method.strength=0.4,0.6,0.8`" in note
    assert "sdedit" not in [row.method for row in report.grids[0].rows]


def test_edits_that_a_setting_lacks_are_left_out_of_the_family_and_counted() -> None:
    frame = pd.DataFrame(sdedit())
    frame = frame[~((frame["case"] == "c00") & (frame["success"] < 0.4))]
    along = along_knobs(frame, "success", {})
    assert "c00" not in set(along.frame["case"])
    assert "1 of 20 edits are missing at some of them" in along.notes[0]


def test_a_sampling_method_is_read_between_settings_and_paired_with_any_seed() -> None:
    """P2P uses no seed, DDS has two: paired by case."""
    frame = pd.concat([data(), pd.DataFrame(sdedit())])
    found = matched(frame, Question("success", (0.45,)))
    ((_, rows),) = found.rows.items()
    by_name = {(row.method, row.against): row for row in rows}
    keys = [column.key for column in found.columns]
    cells = dict(zip(keys, by_name["sdedit", None].cells, strict=True))
    assert cells["knob"].value == pytest.approx(0.45)  # success is the knob, on average
    assert cells["psnr"].value == pytest.approx(1 - 4.5)
    difference = by_name["sdedit", "dds (g=3)"]
    assert difference.cells[0].n == 20
    assert "knob" not in [column.key for column in found.differing]


def test_a_level_below_the_weakest_setting_is_not_read() -> None:
    frame = pd.concat([data(), pd.DataFrame(sdedit())])
    report = matched_report("t", frame, Question("success", (0.2,)))
    (row,) = (row for row in report.grids[0].rows if row.method == "sdedit")
    assert all(math.isnan(cell.value) for cell in row.cells)
    assert any(note.startswith("Not read at 0.2: sdedit;") for note in report.notes)


def test_settings_are_in_the_order_of_their_numbers() -> None:
    labels = [f"ids (guidance_scale={scale})" for scale in ("3.0", "7.5", "15.0")]
    assert in_order(reversed(labels)) == labels
    assert in_order(["sds (n=1e-05)", "sds (n=0.5)"]) == ["sds (n=1e-05)", "sds (n=0.5)"]


def test_methods_with_single_settings_share_one_note() -> None:
    names = ("p2p", "sdedit", "dds_and_back")
    single = [line for n in names for line in sampled(n, [{"strength": 0.8}], (0.5,), (1,))]
    report = matched_report("t", pd.concat([data(), pd.DataFrame(single)]), Question())
    (note,) = (note for note in report.notes if "is no curve" in note)
    labels = [f"{n} (strength=0.8)" for n in ("sdedit", "p2p", "dds_and_back")]
    assert note.startswith(f"{', '.join(labels)}: one setting each without kept states")
    assert note.count("`ids run -m method=sdedit method.strength=0.4,0.6,0.8`") == 1


def test_what_is_no_edit_has_no_curve() -> None:
    of_source = sampled("posterior_mean", SETTINGS, STRENGTHS, (1, 2, 3))
    along = along_knobs(pd.DataFrame([*sdedit(), *of_source]), "success", {})
    assert along.knobs == {"sdedit": "strength"}
    assert "posterior_mean: no edit by the target prompt; it is left out." in along.notes


def test_scenes_are_matched_at_success_in_the_views() -> None:
    """By itself, at the levels of success; identity is that of the views."""
    frame = data().rename(columns={"success": "views_success", "psnr": "views_psnr_background"})
    found = matched(frame, Question())
    assert [(level.axis, level.value) for level in found.rows] == [
        ("views_success", level) for level in SUCCESS_LEVELS
    ]
    columns = [replace(column, better=1) for column in columns_in(map(str, frame))]
    report = frontier_report("t", frame, Question(levels=(0.5,)), None, (), columns)
    assert "views psnr background over views success" in report.grids[0].title
