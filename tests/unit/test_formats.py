"""Reports on narrow terminals, as LaTeX and as HTML."""

import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from ids.report.console import open_console
from ids.report.escape import for_html, for_latex
from ids.report.formats import html, json_text, latex
from ids.report.render import print_report, text_grid
from ids.results.columns import Column
from ids.results.grids import Estimate, Grid, LeftOut, PairedTest, Report, Row

COLUMNS = tuple(Column(f"m{i}", f"metric {i}", 3, better=1) for i in range(14))
LABELS = ("null_edit", "ids (fpr.scale=0.2165, fpr.n_iters=3, guidance_scale=7.5)")


def report(**options: bool) -> Report:
    cells = tuple(Estimate(0.5 + i, 0.4 + i, 0.6 + i, 12) for i in range(len(COLUMNS)))
    against = "dds" if options.get("paired") else None
    rows = tuple(Row(label, 12, cells, against) for label in LABELS)
    return Report("t", (Grid("a title", COLUMNS, rows, **options),), ("a note",), ())


def printed(width: int, report: Report, wide: bool = False) -> str:
    out = io.StringIO()
    print_report(report, Console(file=out, width=10_000 if wide else width), wide)
    return out.getvalue()


@pytest.mark.parametrize("options", [{}, {"paired": True}, {"symmetric": False}])
@pytest.mark.parametrize("width", [30, 80, 100])
def test_a_table_fits_the_terminal(width: int, options: dict[str, bool]) -> None:
    text = printed(width, report(**options))
    assert max(map(cell_len, text.splitlines())) <= width
    shown = sum(f"metric {i} ↑" in text for i in range(14))
    assert shown == sum(f"metric {i} ↑" in text for i in range(shown)) >= 1  # the first ones
    left_out = " ".join(text.split()).partition("Not shown: ")[2]
    names = ", ".join(f"metric {i}" for i in range(shown, 14))
    assert left_out.startswith(f"{names}; --wide shows all columns.")


def test_labels_wrap_only_where_space_is_short() -> None:
    narrow = replace(report(), grids=(report().grids[0].select(["m0"]),))
    assert LABELS[1] in printed(100, narrow)
    assert LABELS[1] not in printed(60, narrow)


def test_more_width_shows_more_columns() -> None:
    counts = [printed(width, report()).count(" ↑") for width in (60, 80, 100, 300)]
    assert counts == sorted(set(counts))
    assert counts[-1] == 14
    assert "Not shown" not in printed(300, report())


def test_wide_shows_all_columns_and_whole_labels() -> None:
    text = printed(80, report(), wide=True)
    assert text.count(" ↑") == 14
    assert LABELS[1] in text
    assert "--wide" not in text
    assert "0.500 ± 0.100" in text


def test_compact_differences_name_their_common_baseline_once() -> None:
    compact, full = (text_grid(report(paired=True).grids[0], compact) for compact in (True, False))
    assert compact.title == "a title, to dds"
    assert compact.headers[:2] == ("method", "cases")
    assert compact.lines[0][2] == "+0.500±0.100"
    assert full.headers[:3] == ("method", "against", "cases")


def test_the_width_is_100_unless_the_terminal_or_columns_sets_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert open_console().width == 100
    monkeypatch.setenv("COLUMNS", "72")
    assert open_console().width == 72
    assert open_console(wide=True).width > 1000


def test_latex_has_a_line_per_row_and_minus_signs() -> None:
    grid = Grid("50 % of _x", COLUMNS[:1], (Row("a_b & c", 3, (Estimate(-1.5, -2.0, -1.0, 3),)),))
    text = latex(Report("t", (grid,), ("a note\n\\input{x}",), ()))
    assert r"a\_b \& c & 3 & $-1.500 \pm 0.500$ \\" in text.splitlines()
    assert r"\begin{tabular}{lrr}" in text
    assert "metric 0 $\\uparrow$" in text
    for line in text.splitlines():
        assert "input" not in line or line.startswith("% ")


def test_marks_remarks_and_small_numbers() -> None:
    test = PairedTest(1.0, 0.5, 0.01, 0.04, 0.2)
    lost = LeftOut(undefined=1, infinite=2)
    cells = (Estimate(0.5, 0.25, 0.75, 9, lost, test), Estimate(1e-7), Estimate(math.nan, n=0))
    derived = Column("p", "p", 4, derived=True)
    columns = (COLUMNS[0], derived, COLUMNS[1])
    rows = (Row("ids", 12, cells, "dds"), Row("sds", 9, (replace(cells[0], test=None), *cells[1:])))
    grid = Grid("t", columns, rows, paired=True)
    texts = [line[-3:] for line in text_grid(grid).lines]
    assert texts[0] == ("+0.500 ± 0.250* (n=9, 1 undefined, 2 inf)", "<0.0001", "-")
    assert texts[1][0] == "+0.500 ± 0.250 (1 undefined, 2 inf)"
    assert r"$+0.500 \pm 0.250^{*}$ (n=9, 1 undefined, 2 inf) & ${<}0.0001$ & --" in latex(
        Report("t", (grid,), (), ())
    )


def test_an_infinite_number_is_no_missing_one() -> None:
    needed = Column("needed", "cases", 0, derived=True)
    cells = (Estimate(math.inf), Estimate(math.nan))
    found = Report("t", (Grid("t", (needed, COLUMNS[0]), (Row("ids", 3, cells),)),), (), ())
    (row,) = json.loads(json_text(found))["grids"][0]["rows"]
    assert row["cells"]["needed"]["value"] == "inf"
    assert row["cells"][COLUMNS[0].key]["value"] is None
    assert r"ids & 3 & $\infty$ & -- \\" in latex(found)


@settings(max_examples=50)
@given(st.text(max_size=30))
def test_latex_of_any_text_adds_no_commands(text: str) -> None:
    known = r"\{\[\}|\\(text\w+\{\}|char34\{\}|[&%$#_{}])|\$\\(pm|uparrow|downarrow)\$"
    rest = re.sub(known, "", for_latex(text))
    assert not re.search(r"[\\&%$#_{}~^]", rest)


class Text(HTMLParser):
    """The text and the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)


def test_html_escapes_foreign_text() -> None:
    foreign = '<script>alert("x")</script> & \x1b[31m'
    grid = Grid(foreign, COLUMNS[:1], (Row(foreign, 1, (Estimate(1.0),)),))
    page = Text()
    page.feed(html(Report(foreign, (grid,), (foreign,), ())))
    assert "script" not in page.tags
    assert page.text.count('<script>alert("x")</script> & \\x1b[31m') == 5
    assert for_html("'\"<") == "&#x27;&quot;&lt;"


def test_differences_to_several_baselines_are_a_table_for_each() -> None:
    """A long label of a baseline in every line would leave no place for numbers."""
    one = report(paired=True)
    (grid,) = one.grids
    baselines = [f"dds (guidance_scale={g}, n_steps=64, optimizer.lr=0.2)" for g in (3, 7.5)]
    rows = [replace(row, against=base) for base in baselines for row in grid.rows]
    text = printed(80, replace(one, grids=(replace(grid, rows=tuple(rows)),)))
    assert [text.count(f"a title, to {base}") for base in baselines] == [1, 1]
    assert text.count("metric 1 ↑") == 2
    assert "against" not in text


def test_columns_without_a_number_take_no_place_and_are_not_named() -> None:
    one = report()
    (grid,) = one.grids
    rows = [replace(r, cells=(Estimate(math.nan), *r.cells[1:])) for r in grid.rows]
    text = printed(80, replace(one, grids=(replace(grid, rows=tuple(rows)),)))
    assert "metric 0" not in text
    assert "metric 1 ↑" in text


def test_columns_that_one_table_shows_are_not_called_hidden() -> None:
    """Differences are wider than means: fewer columns fit."""
    means, (difference,) = report(), report(paired=True, symmetric=False).grids
    text = " ".join(printed(100, replace(means, grids=(*means.grids, difference))).split())
    shown = [f"metric {i}" for i in range(14) if f"metric {i} ↑" in text]
    never = text.partition("Not shown: ")[2].partition(". Not in every table: ")[0].split(", ")
    assert never == [f"metric {i}" for i in range(len(shown), 14)]
    some = text.partition("Not in every table: ")[2].partition(";")[0].split(", ")
    assert some
    assert set(some) <= set(shown)
