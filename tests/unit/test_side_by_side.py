"""Settings and stores side by side, rankings, the best of a table: on known differences."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_results import MadeUp

from ids.core.errors import ConfigError
from ids.report.formats import html, json_text, latex, markdown
from ids.report.printing import number_lines
from ids.report.side_by_side import print_rankings
from ids.results.best import with_best
from ids.results.contrasts import GroupFrames
from ids.results.ranking import disagreement, worst
from ids.results.side_by_side import compare_settings, compare_stores
from ids.results.table import table
from ids.run import Store

NOISE = np.random.default_rng(0).normal(0, 0.1, 24)


def frames(made: MadeUp, root: Path) -> GroupFrames:
    return GroupFrames(made.group(), Store(root))


def test_two_settings_and_the_cases_that_differ_most(tmp_path: Path) -> None:
    gains = [0.5] * 24
    gains[7], gains[3] = -4.0, 3.0
    made = MadeUp().add("dds", 0.0, g=3).add("dds", 9.0, g=7).add("ids", gains, g=3)
    (found,) = compare_settings([frames(made, tmp_path)], "ids", "dds")
    assert (found.ours, found.theirs) == ("ids", "dds (g=3)")  # the nearest
    (psnr,) = (pair for pair in found.metrics if pair.column.key == "psnr_background")
    assert psnr.difference.value == pytest.approx(np.mean(gains))
    assert psnr.difference.n == 24
    assert psnr.ours.value - psnr.theirs.value == pytest.approx(np.mean(gains))
    assert [pair.id for pair in found.cases[:2]] == ["c07", "c03"]
    assert found.cases[0].difference == pytest.approx(-4)
    keys = {entry.record.key for entry in made.entries}
    assert set(found.cases[0].keys) <= keys
    with pytest.raises(ConfigError, match="got 'ids' and 'cds'; change them"):
        compare_settings([frames(made, tmp_path)], "ids", "cds")
    with pytest.raises(ConfigError, match="--by: expected a metric of both"):
        compare_settings([frames(made, tmp_path)], "ids", "dds", "nonsense")


def test_equal_settings_of_two_stores(tmp_path: Path) -> None:
    one = MadeUp().add("dds", 0.0).add("ids", 1.0)
    other = MadeUp().add("dds", 0.25)
    sides = [frames(made, tmp_path / name) for made, name in ((one, "a"), (other, "b"))]
    (found,) = compare_stores([sides[0]], [sides[1]])
    assert found.ours == f"dds in {tmp_path / 'a'}"
    assert found.metrics[-1].difference.value in (pytest.approx(-0.25), 0.0)
    retrained = frames(MadeUp(weights="f" * 16).add("dds", 0.25), tmp_path)
    with pytest.raises(ConfigError, match="expected two stores that share a setting"):
        compare_stores([sides[0]], [retrained])
    judged_by_another = frames(MadeUp().add("dds", 0.25, network=":net-2"), tmp_path)
    judged = frames(MadeUp().add("dds", 0.0, network=":net-1"), tmp_path)
    (found,) = compare_stores([judged], [judged_by_another])
    assert [pair.column.key for pair in found.metrics] == ["success"]


def test_the_worst_and_the_best(tmp_path: Path) -> None:
    made = MadeUp(n=6).add("ids", [0, 0, 0, -20, 0, 0]).add("dds", 1.0).add("null_edit", -50.0)
    of = [frames(made, tmp_path)]
    (found,) = worst(of, "psnr_background", n=2)
    assert [(edit.label, edit.value) for edit in found.edits] == [("ids", -7.0), ("ids", 10.0)]
    assert found.edits[0].id == "c03"
    (found,) = worst(of, "psnr_background", "dds", n=1)
    assert (found.edits[0].value, found.edits[0].label) == (11.0, "dds")
    (found,) = worst(of, "psnr_background", n=1, best=True)
    assert (found.edits[0].value, found.edits[0].label) == (15.0, "dds")
    (column,) = (column for column in of[0].columns if column.key == "psnr_background")
    assert disagreement(of[0], column)[0] == ("case03", pytest.approx(10.5))
    for metric, method, words in (
        ("nonsense", "", "got none; change it"),
        ("psnr_background", "cds", "expected a method with values"),
    ):
        with pytest.raises(ConfigError, match=words):
            worst(of, metric, method)


def data(**gains: list[float]) -> pd.DataFrame:
    """Edits of a method per gain; cases differ far more than methods."""
    return pd.DataFrame(
        {
            "key": f"{label}{case}",
            "label": label,
            "values": {"name": label},
            "status": "ok",
            "case": f"c{case:02}",
            "seed": 0,
            "reason": "",
            "psnr": 20.0 + case + gain,
            "lpips_alex": 0.5,
        }
        for label, of in gains.items()
        for case, gain in enumerate(of)
    )


@pytest.mark.parametrize(
    ("ids", "bold"), [(list(1 + NOISE), True), (list(0.01 + NOISE), False), ([1.0] * 4, False)]
)
def test_the_best_is_bold_where_it_is_significant(ids: list[float], bold: bool) -> None:
    """Controls are not ranked. Four cases are never enough, nor is an equal column."""
    n = len(ids)
    edits = data(ids=ids, dds=[0.0] * n, sds=[-1.0] * n, null_edit=[9.0] * n)
    report = with_best(table("t", edits), edits)
    texts = (markdown(report), latex(report), html(report))
    marks = ("**", r"\mathbf{", "<b>")
    assert [text.count(mark) for text, mark in zip(texts, marks, strict=True)] == [
        2 * bold,
        int(bold),
        int(bold),
    ]
    assert any("Bold: better" in note for note in report.notes) == bold
    best = [row.method for row in report.grids[0].rows for cell in row.cells if cell.best]
    assert best == ["ids"] * bold
    assert replace(report, notes=(), grids=()) == replace(table("t", edits), notes=(), grids=())


def test_the_best_is_better_than_each_other_method() -> None:
    """Far better than one and equal to another is not enough."""
    edits = data(ids=list(1 + NOISE), dds=list(1 - NOISE), sds=[-5.0] * 24)
    assert "**" not in markdown(with_best(table("t", edits), edits))


def test_more_columns_are_more_chances_to_be_best() -> None:
    """Six cases of one sign: p = 1/32, significant as the only comparison and not as one of 2."""
    edits = data(ids=[1.0, 2.0, 1.5, 1.2, 3.0, 2.5], dds=[0.0] * 6)
    one, two = edits.drop(columns="lpips_alex"), edits.assign(ssim=edits["psnr"] / 50)
    assert "**" in markdown(with_best(table("t", one), one))
    assert "**" not in markdown(with_best(table("t", two), two))


def test_numbers_in_full_name_their_metric_unit_and_interval(tmp_path: Path) -> None:
    of = frames(MadeUp(n=6).add("ids", [0, 1, 0, 2, 0, 1]).add("dds", 1.0), tmp_path)
    report = table("t", of.edits, columns=of.columns, interval="t")
    lines = number_lines([report]).set_index(["method", "against", "column"])
    difference = lines.loc[("ids", "dds", "psnr_background")]
    shown = difference[["metric", "unit", "interval", "n"]].tolist()
    assert shown == ["psnr_background@1", "dB", "95 % t over cases", 6]
    (column,) = (c for c in report.grids[0].columns if c.key == "psnr_background")
    assert column.metric == "psnr_background@1"
    for grid in json.loads(json_text(report))["grids"]:
        assert grid["interval"] == "95 % t"
        assert "psnr_background@1" in [column["metric"] for column in grid["columns"]]


def test_long_text_is_cut_for_readers_and_whole_in_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prompt of 10,000 characters would fill the terminal."""
    of = frames(MadeUp(n=2).add("ids", 0.0).add("dds", 1.0), tmp_path)
    (ranking,) = worst([of], "psnr_background", n=1)
    long = replace(ranking.edits[0], prompts=("a" * 10_000, "b" * 10_000))
    for kind, n_characters in (("text", 2_000), ("markdown", 2_000), ("csv", 30_000)):
        print_rankings([replace(ranking, edits=(long,))], kind, tmp_path)
        shown = capsys.readouterr().out
        assert ("a" * 10_000 in shown) == (kind == "csv")
        assert len(shown) < n_characters
