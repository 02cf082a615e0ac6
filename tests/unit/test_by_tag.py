"""Tables by tag: the cases of each block, its numbers, and one correction for all blocks."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from made_up_results import MadeUp
from msgspec.structs import replace as replace_row

from ids.report.formats import html, latex, markdown
from ids.report.printing import number_lines
from ids.results.best import NOTE, with_best
from ids.results.by_tag import NO_TAG, cases_by_tag, tags_note
from ids.results.catalog import Catalog, ResultGroup
from ids.results.grids import Grid, Report
from ids.results.selection import Selection
from ids.results.significance import holm
from ids.results.table import table
from ids.run.records import Row

BLOCKS = {"pose": {f"c{i}" for i in range(6)}, "style": {f"c{i}" for i in range(6, 14)}}


def group(*tags: str) -> ResultGroup:
    """A case per word of tags, which are separated by commas."""
    made = MadeUp(n=len(tags)).add("dds", 0.0).group()
    rows = [
        replace_row(row, tags=[tag for tag in of.split(",") if tag])
        for row, of in zip(made.manifest.rows, tags, strict=True)
    ]
    entries = [replace(e, row=row) for e, row in zip(made.entries, rows, strict=True)]
    return replace(made, manifest=replace_row(made.manifest, rows=rows), entries=entries)


def frame(methods: tuple[str, ...] = ("dds", "ids", "sds"), noise: float = 1.0) -> pd.DataFrame:
    """Fourteen cases; the later a method is in the list, the better."""
    lines = [
        {"key": f"{label}{case}", "case": f"c{case}", "label": label, "id": f"{case}"}
        | {"psnr": 20.0 + case + gain * (1 + noise * (case * 7 % 5 - 1))}
        for gain, label in enumerate(methods)
        for case in range(14)
    ]
    return pd.DataFrame(lines).assign(seed=0, status="ok", reason="", values=[{}] * len(lines))


def blocks_of(report: Report, tag: str) -> list[Grid]:
    return [grid for grid in report.grids if grid.tag == tag]


def test_cases_by_tag_are_in_the_order_of_the_data_set() -> None:
    found = cases_by_tag(group("style", "pose,style", "", "add", "pose"))
    assert {tag: sorted(cases) for tag, cases in found.items()} == {
        "style": ["case00", "case01"],
        "pose": ["case01", "case04"],
        "add": ["case03"],
        NO_TAG: ["case02"],
    }
    assert list(found) == ["style", "pose", "add", NO_TAG]
    assert "1 case has several tags, and counts in each block." in tags_note(found)[0]


def test_without_tags_no_block_exists_and_no_case_is_bare_where_all_have_one() -> None:
    assert cases_by_tag(group("", "")) == {}
    found = cases_by_tag(group("style", "pose"))
    assert list(found) == ["style", "pose"]
    assert "several" not in tags_note(found)[0]
    assert tags_note({}) == ()


def test_number_and_name_of_a_category_are_one_block() -> None:
    assert list(cases_by_tag(group("6,colour", "9,style,6,colour"))) == ["6, colour", "9, style"]


def test_rows_that_cannot_be_edited_belong_to_their_tags() -> None:
    bad = [Row(id="x", tags=["pose"], problem="no image"), Row(id="y", problem="no image")]
    whole = group("style")
    whole = replace(whole, manifest=replace_row(whole.manifest, rows=[*whole.manifest.rows, *bad]))
    assert cases_by_tag(whole, whole.broken) == {
        "style": {"case00"},
        "pose": {"x"},
        NO_TAG: {"y"},
    }
    for selection, ids in (({"tag": "pose"}, ["x"]), ({"case": "^y"}, ["y"]), ({}, ["x", "y"])):
        chosen = Selection(Path(), **selection)
        assert [row.id for row in chosen.broken(whole)] == ids
    assert not Selection(Path(), tag="pose").groups(Catalog([whole], [], []))


def test_a_block_has_the_numbers_of_its_cases_alone() -> None:
    lines = frame()
    report = table("t", lines, blocks=BLOCKS)
    assert [(grid.tag, grid.title) for grid in report.grids] == [
        ("pose", "t, pose"),
        ("pose", "paired differences, pose"),
        ("style", "t, style"),
        ("style", "paired differences, style"),
    ]
    for tag, cases in BLOCKS.items():
        alone = table("t", lines[lines["case"].isin(cases)])
        for ours, theirs in zip(blocks_of(report, tag), alone.grids, strict=True):
            for row, other in zip(ours.rows, theirs.rows, strict=True):
                for cell, same in zip(row.cells, other.cells, strict=True):
                    assert replace(cell, test=None) == replace(same, test=None)
                    assert (cell.test and cell.test.p) == (same.test and same.test.p)
                assert replace(row, cells=()) == replace(other, cells=())


def test_p_values_are_corrected_for_all_blocks() -> None:
    report = table("t", frame(noise=0.1), blocks=BLOCKS)
    tests = [c.test for grid in report.grids for row in grid.rows for c in row.cells if c.test]
    assert len(tests) == 4
    assert [test.p_corrected for test in tests] == pytest.approx(holm([t.p for t in tests]))
    assert tests[2].p_corrected > holm([t.p for t in tests[2:]])[0]  # that of its block alone
    assert any("for the 4 differences of this table" in note for note in report.notes)


def test_bold_is_corrected_for_all_blocks() -> None:
    lines = frame(("dds", "ids"), noise=0.1)
    lines = lines[lines["case"].isin(BLOCKS["pose"])]  # six cases, p = 2 / 2^6 = 0.03
    assert NOTE in with_best(table("t", lines), lines).notes
    halves = {"pose": BLOCKS["pose"], "style": BLOCKS["pose"]}
    assert NOTE not in with_best(table("t", lines, blocks=halves), lines, halves).notes
    lines = frame(("dds", "ids"), noise=0.1)
    report = with_best(table("t", lines, blocks=BLOCKS), lines, BLOCKS)  # 0.03, and 2 / 2^8
    for tag in BLOCKS:
        means = blocks_of(report, tag)[0]
        assert [row.method for row in means.rows if row.cells[0].best] == ["ids"]


def test_a_block_of_failures_alone_and_foreign_tags() -> None:
    bad = "<b>|$x$_\n=1"
    lines = frame()
    lines.loc[lines["case"] == "c13", ["status", "psnr"]] = ["failed", float("nan")]
    blocks = BLOCKS | {bad: {"c13"}}
    report = with_best(table("t", lines, blocks=blocks), lines, blocks)
    (means,) = blocks_of(report, bad)
    assert [(row.cases, row.others[0]) for row in means.rows] == [(0, 1)] * 3
    assert set(number_lines([report])["tag"]) == set(blocks)
    assert "tag" not in number_lines([table("t", lines)])
    assert "<b>" not in html(report)
    for text in (markdown(report), latex(report)):
        assert "$x$_" not in "\n".join(x for x in text.splitlines() if not x.startswith("%"))
        assert bad not in text
