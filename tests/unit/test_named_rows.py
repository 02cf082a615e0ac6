"""Tables for a paper: chosen rows under other names, chosen cases, captions."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from made_up_results import MadeUp

from ids.core.errors import ConfigError, DataError
from ids.report.formats import Caption
from ids.report.printing import document
from ids.results.catalog import Catalog
from ids.results.frames import frame
from ids.results.named_rows import lines_of_rows, names_of_rows, parse_rows, renamed
from ids.results.selection import Selection
from ids.results.table import table
from ids.run import Store

GAINS = [0.5, 0.7, 0.4, 0.9, 0.6, 0.8]


def made() -> MadeUp:
    found = MadeUp(n=6).add("dds", 0.0, g=3).add("dds", 0.2, g=7.5).add("sds", 1.0)
    return found.add("ids", GAINS, g=3, fpr__scale=0.1).add("ids", GAINS, g=7.5, fpr__scale=0.1)


def rows_of(words: Sequence[str], root: Path) -> list[list[tuple[str, str | None]]]:
    """Method and baseline per row of each grid."""
    lines = frame(made().entries, Store(root))
    names = names_of_rows(lines, parse_rows(words))
    report = renamed(table("t", lines_of_rows(lines, names)), names)
    return [[(row.method, row.against) for row in grid.rows] for grid in report.grids]


def test_rows_are_chosen_ordered_and_named(tmp_path: Path) -> None:
    """Differences are of these rows alone, and the baseline has its new name."""
    words = ["IDS (ours)=ids g=7.5", "DDS=dds g=7.5", "unknown=pds"]
    assert rows_of(words, tmp_path) == [
        [("IDS (ours)", None), ("DDS", None)],
        [("IDS (ours)", "DDS")],
    ]


@pytest.mark.parametrize(
    "word", ["", "ids", "=ids", "IDS=", "IDS= ", "guidance_scale=3=ids", "A==ids"]
)
def test_a_row_has_a_name_and_a_method(word: str) -> None:
    with pytest.raises(ConfigError, match="--row: expected NAME=METHOD"):
        parse_rows([word])


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (
            ["DDS=dds"],
            ConfigError,
            r"--row DDS: expected one setting .* got dds \(g=3\), dds \(g=7.5\)",
        ),
        (["A=sds", "B=sds"], ConfigError, "--row B: expected one setting that no other row has"),
        (["A=sds", "A=dds g=3"], ConfigError, "expected different names; got 'A' twice"),
        (["A=pds"], DataError, "--row: expected a row with a setting"),
    ],
)
def test_rows_are_unique(
    words: Sequence[str], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        rows_of(words, tmp_path)


def test_tables_float_with_a_caption_and_have_different_labels() -> None:
    of = made().group()
    report = table("t", frame(of.entries, Store(Path("unused"))), columns=None)
    both = [report, report]
    text = document(both, "latex", Caption(r"Edits, $\lambda$.", "tab:x"))
    labels = [f"\\label{{{name}}}" for name in ("tab:x", "tab:x-2", "tab:x-3", "tab:x-4")]
    assert [text.count(label) for label in labels] == [1, 1, 1, 1]
    assert text.count("\\begin{table}") == text.count("\\end{table}") == 4
    assert r"\caption{Edits, $\lambda$. paired differences.}" in text
    assert "\\begin{table}" not in document(both, "latex")


def test_cases_are_chosen_by_their_id() -> None:
    catalog = Catalog([made().group()], [], [])
    (group,) = Selection(Path("x"), case="c0[0-2]$").groups(catalog)
    assert {entry.row.id for entry in group.entries} == {"c00", "c01", "c02"}
    assert Selection(Path("x"), case="c0[0-2]$").describe() == "case c0[0-2]$"
    assert Selection(Path("x"), case="nothing").groups(catalog) == []
    with pytest.raises(ConfigError, match=r"--case \(: expected a regular expression"):
        Selection(Path("x"), case="(").groups(catalog)
