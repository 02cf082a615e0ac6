"""Grids as text: numbers in full for machines, rounded for people, text from outside escaped."""

import csv
import io
import json
import math
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from ids.core.text import printable
from ids.report.escape import FORMULA, for_csv, for_markdown, markdown_paragraph
from ids.report.formats import csv_text, json_text, markdown
from ids.report.render import print_report, text_grid
from ids.report.write import write_report
from ids.results.columns import Column
from ids.results.grids import Estimate, Grid, Report, Row
from ids.results.matched import matched_report
from ids.results.methods import Question
from ids.results.table import table

PSNR = Column("psnr", "PSNR", 2, better=1)
CELL = Estimate(27.9812345678901, 27.5, 28.4, 7)
ANYTHING = st.text(st.characters(), max_size=20)  # lone surrogates too
LABELS = st.lists(ANYTHING, min_size=1, max_size=4, unique=True)


def grid(*cells: Estimate, **options: bool) -> Grid:
    against = "dds" if options.get("paired") else None
    rows = tuple(Row("ids", 7, (cell,), against) for cell in cells)
    return Grid("t", (PSNR,), rows, **options)


def shown(cell: Estimate, **options: bool) -> str:
    return text_grid(grid(cell, **options)).lines[0][-1]


def cell(grid: Grid, header: str) -> str:
    """Of the first row."""
    texts = text_grid(grid)
    return texts.lines[0][texts.headers.index(header)]


def parsed(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def frame(labels: list[str], status: str = "ok", reason: str = "") -> pd.DataFrame:
    """Three cases of every label; text as objects: else pandas refuses lone surrogates."""
    lines = [
        {"key": f"{at}{case}", "case": f"c{case}", "seed": 0, "psnr": 20.0 + at + case**2}
        | {"values": {}, "seconds": 1.0, "batch": f"{at}{case}", "nfe": 4.0, "peak_mb": 9.0}
        for at in range(len(labels))
        for case in range(3)
    ]
    data = pd.DataFrame(lines)
    data["label"] = pd.Series([x for x in labels for _ in range(3)], dtype=object)
    data["reason"] = pd.Series([reason] * len(data), dtype=object)
    data["status"] = [status, *["ok"] * (len(data) - 1)]
    return data


def curve_frame(labels: list[str]) -> pd.DataFrame:
    states = [frame(labels).assign(step=10.0 * k, success=k / 2) for k in range(3)]
    return pd.concat(states).drop(columns=["status", "reason", "seconds"])


def named(label: str) -> str:
    """A baseline without conditions."""
    return next(iter(label.split()), "dds")


def test_text_is_rounded_with_its_interval() -> None:
    assert shown(CELL) == "27.98 ± 0.45"
    assert shown(CELL, symmetric=False) == "27.98 [27.50, 28.40]"
    assert shown(CELL, paired=True, symmetric=False) == "+27.98 [+27.50, +28.40]"
    assert shown(Estimate(1.0, n=7)) == "1.00"
    assert shown(Estimate(1.0, 1.0, 1.0, 7)) == "1.00 ± 0.00"
    assert shown(Estimate(1.0, 1.0, 1.0, 7), symmetric=False) == "1.00"
    assert shown(Estimate(math.nan)) == "-"


def test_n_is_shown_where_it_is_not_that_of_the_row() -> None:
    """Once per column where all its cells share it, else per cell."""
    few = Estimate(24.31, 23.11, 25.51, 3)
    alone = text_grid(grid(few))
    assert (alone.headers[-1], alone.lines[0][-1]) == ("PSNR ↑ (n=3)", "24.31 ± 1.20")
    mixed = text_grid(grid(few, CELL))
    assert mixed.headers[-1] == "PSNR ↑"
    assert [line[-1] for line in mixed.lines] == ["24.31 ± 1.20 (n=3)", "27.98 ± 0.45"]
    data = frame(["dds", "ids"])
    data["psnr_background"] = data["psnr"].where(data["case"] != "c0")
    for text in map(text_grid, table("t", data).grids):
        assert [header for header in text.headers if "(n=" in header] == [
            "PSNR bg ↑ (n=2, 1 undefined)"
        ]
        assert "(n=" not in str(text.lines)


def test_csv_has_the_numbers_of_a_column_in_full() -> None:
    (header, *lines) = parsed(csv_text(grid(CELL, Estimate(math.nan), Estimate(-1.5, n=1))))
    ends = ("", "_low", "_high", "_n", "_undefined", "_infinite", "_not_computed")
    assert header == ["method", "cases", *(f"psnr{end}" for end in ends)]
    assert lines[0] == ["ids", "7", "27.9812345678901", "27.5", "28.4", "7", "0", "0", "0"]
    assert lines[1] == ["ids", "7", "", "", "", "0", "0", "0", "0"]
    assert lines[2] == ["ids", "7", "-1.5", "", "", "1", "0", "0", "0"]


def test_csv_counts_failed_cases() -> None:
    for status in ("failed", "unsupported", "foreign"):
        read = pd.read_csv(io.StringIO(csv_text(table("t", frame(["dds"], status)).grids[0])))
        assert read.loc[0, ["ok", status, "psnr_n"]].tolist() == [2, 1, 2]
        assert read["failed"].dtype == read["unsupported"].dtype == int
        assert read.loc[0, "psnr"] == 22.5


def test_paired_csv_names_the_baseline() -> None:
    read = pd.read_csv(io.StringIO(csv_text(table("t", frame(["dds", "ids"])).grids[1])))
    assert read.loc[0, ["method", "against"]].tolist() == ["ids", "dds"]
    assert read.loc[0, ["cases", "psnr", "psnr_low", "psnr_n"]].tolist() == [3, 1, 1, 3]


def test_json_has_numbers_and_null() -> None:
    written = json.loads(
        json_text(Report("t", (grid(CELL, Estimate(math.nan)),), ("note",), ("k",)))
    )
    first, second = written["grids"][0]["rows"]
    none = {"undefined": 0, "infinite": 0, "not_computed": 0}
    numbers = {"value": CELL.value, "low": 27.5, "high": 28.4, "n": 7}
    assert first["cells"]["psnr"] == numbers | none
    assert second["cells"]["psnr"] == dict.fromkeys(numbers) | {"n": 0} | none
    assert (written["notes"], written["results"]) == (["note"], ["k"])


def test_infinite_and_undefined_numbers_are_left_out_and_counted() -> None:
    data = frame(["dds"])
    data["ssim"] = [math.inf, math.nan, 0.5]
    report = table("t", data)
    assert cell(report.grids[0], "SSIM ↑ (n=1, 1 undefined, 1 inf)") == "0.500"
    assert "No finite number, of 3 edits: SSIM in 1 (undefined), SSIM in 1 (infinite); " in "".join(
        report.notes
    )
    curves = curve_frame(["dds"])
    curves.loc[(curves["case"] == "c1") & (curves["step"] == 10), "psnr"] = -math.inf
    curves.loc[curves["step"] == 0, "psnr"] = math.nan  # so are most at the untouched source
    report = matched_report("t", curves, Question(levels=(0.5,)))
    assert "No finite number, of 3 edits: PSNR in 1 (infinite); left out." in report.notes
    assert cell(report.grids[0], "PSNR ↑ (n=2)") != "-"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", "\r\n=1"])
def test_a_label_is_no_formula(text: str) -> None:
    for text_shown in parsed(csv_text(table(text, frame([text])).grids[0]))[1][0], for_csv(text):
        assert text_shown.startswith("'") or not text_shown.strip().startswith(FORMULA)
        assert text_shown.lstrip("'") == printable(text)


def test_markdown_of_foreign_text_is_text() -> None:
    for harmless in ("null_edit (a=1.5)", "-0.00 [-0.14, +0.05] (n=3)", "27.98 ± 0.42"):
        assert for_markdown(harmless) == harmless
    assert for_markdown("a|b\n`c` [x](y) <b> & \\|") == (
        r"a\|b\\n\`c\` [x\](y) &lt;b&gt; &amp; \\\|"
    )
    assert for_markdown("__a__ _b_c") == r"\_\_a\_\_ \_b_c"
    assert markdown_paragraph("# a [0, 1]: b") == r"\# a [0, 1]: b"
    assert markdown_paragraph("[a]: b") == r"\[a]: b"


def test_a_terminal_gets_neither_markup_nor_escapes() -> None:
    out = io.StringIO()
    label = "[red]x[/red] :smile: \x1b[31m\x9b\u202e"
    report = table(label, frame([label]), notes=[label])
    print_report(report, Console(file=out, width=200, force_terminal=False))
    printed = out.getvalue()
    assert printed.count(r"[red]x[/red] :smile: \x1b[31m\x9b\u202e") == 3
    assert not re.search("[\x1b\x9b\u202e]", printed)


@settings(max_examples=30)
@given(labels=LABELS, reason=ANYTHING)
@example(labels=["a|b", "`c`\n|", "\\", "\ud800"], reason="\\|")
@example(labels=["=1", "'=1", "a\rb", '"', ",", "\x00"], reason="\x1b[31m")
def test_any_text_is_rendered(labels: list[str], reason: str) -> None:
    data = frame(labels, "failed", reason)
    report = table(labels[0], data, named(labels[-1]), notes=[reason])
    print_report(report, Console(file=io.StringIO(), width=120))
    assert reason in json.loads(json_text(report))["notes"]
    pipes: list[set[int]] = [set()]
    for line in markdown(report).encode().decode().splitlines():
        if line.startswith("| "):
            pipes[-1].add(len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)))
        elif line.startswith("## "):
            pipes.append(set())
    assert [len(found) for found in pipes] == [0, *[1] * len(report.grids)]
    for part in report.grids:
        (header, *lines) = parsed(csv_text(part).encode().decode())
        assert {len(line) for line in lines} == {len(header)}
        assert [line[0] for line in lines] == [for_csv(row.method) for row in part.rows]


@settings(max_examples=20)
@given(labels=LABELS)
@example(labels=["dds \ud800", "ids|"])
def test_any_text_is_matched(labels: list[str]) -> None:
    report = matched_report(labels[0], curve_frame(labels), Question(baseline=named(labels[-1])))
    assert markdown(report).encode()
    assert {row.method for row in report.grids[0].rows} == set(labels)


def test_a_report_is_written_in_every_format(tmp_path: Path) -> None:
    keep = tmp_path / "t-2-of-another.csv"
    keep.write_text("")
    (tmp_path / "t-7.csv").write_text("of a longer report before")
    report = table("t", frame(["dds", "ids", "=é"]))
    assert write_report(report, tmp_path) == tmp_path / "t.md"
    names = {path.name for path in tmp_path.iterdir()} - {keep.name}
    assert names == {"t.md", "t.tex", "t.html", "t.json", "t.csv", "t-2.csv", "t.provenance.json"}
    assert keep.exists()
    assert (tmp_path / "t.json").read_text(encoding="utf-8") == json_text(report)
    written = (tmp_path / "t.csv").read_bytes().decode().splitlines()
    assert [line.split(",")[0] for line in written] == ["method", "dds", "ids", "'=é"]


def test_two_titles_are_two_files(tmp_path: Path) -> None:
    titles = ["photos on sd15, ids", "写真 on sd15", "照片 on sd15", "x" * 300, "x" * 301, "../up"]
    paths = [write_report(table(title, frame(["dds"])), tmp_path) for title in titles]
    assert paths[0].name == "photos-on-sd15-ids.md"
    assert len(set(paths)) == len(titles)
    assert {path.parent for path in paths} == {tmp_path}


def test_a_number_that_rounds_to_zero_has_no_sign() -> None:
    assert shown(Estimate(-0.0001, -0.0001, -0.0001, 3)).startswith("0.00")
