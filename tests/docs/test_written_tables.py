"""Tables in documents are those that their commands print: rewritten, and checked."""

import shlex
from pathlib import Path

import pytest
from conftest import ROOT, Ids
from write_tables import MARKED, equal, main, tables, update

from ids.cli.parser import parser
from ids.core.errors import ConfigError

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARKERS = [
    (path, found[2])
    for path in DOCUMENTS
    for found in MARKED.findall(path.read_text(encoding="utf-8"))
]
PRINTED = """# title

## one

| method | PSNR |
| --- | --- |
| ids | 30.12 [29.00, 31.00] |

## two

| method | PSNR |
| --- | --- |
| sds | -1.00 |

a note
"""
DOCUMENT = """text
<!-- table 1: ids table --column psnr -->
| old |
<!-- /table -->
more text
<!-- table: ids table -->
<!-- /table -->
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(DOCUMENT)
    return path


def test_marked_tables_are_rewritten_and_nothing_else(document: Path) -> None:
    commands: list[list[str]] = []

    def run(words: object) -> str:
        commands.append(list(words))  # type: ignore[call-overload]
        return PRINTED

    assert len(update(document, run, check=True)) == 2
    assert document.read_text() == DOCUMENT
    assert len(update(document, run)) == 2
    text = document.read_text()
    assert commands[:2] == [["table", "--column", "psnr"], ["table"]]
    assert text.count("| ids | 30.12") == 2
    assert text.count("| sds | -1.00") == 1  # the second table is not of `table 1`
    assert "old" not in text
    assert "a note" not in text
    for line in ("text", "<!-- table: ids table -->", "<!-- /table -->", "more text"):
        assert line in text.splitlines()
    assert update(document, run, check=True) == []


@pytest.mark.parametrize(
    ("new", "same"),
    [
        ("30.13 [29.00, 30.99]", True),
        ("30.14 [29.00, 31.00]", False),
        ("30.12 [29.00, 31.00]*", False),
        ("30.1 [29.00, 31.00]", False),
        ("-30.12 [29.00, 31.00]", False),
        ("30.12", False),
    ],
)
def test_rounding_is_no_difference(new: str, same: bool) -> None:
    old = tables(PRINTED)
    assert equal(old, old.replace("30.12 [29.00, 31.00]", new)) == same


def test_counts_are_exact() -> None:
    assert not equal("| 12 |", "| 13 |")


def test_mistakes_are_named(document: Path) -> None:
    document.write_text(DOCUMENT + "<!-- table: ids table -->\n")
    with pytest.raises(ConfigError, match="got a marker alone"):
        update(document, lambda words: PRINTED)
    with pytest.raises(ConfigError, match="table 3: expected a table; got 2"):
        tables(PRINTED, 3)


def test_a_store_that_is_missing(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(document.parent / "none")
    assert main([str(document), "--check", "--output-dir", missing]) == 2
    assert "expected exit status 0; got 2" in capsys.readouterr().err


def test_the_commands_of_documents_are_taken() -> None:
    assert MARKERS
    for path, command in MARKERS:
        _, rest = parser().parse_known_args([*shlex.split(command), "--format", "markdown"])
        assert rest == [], path


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_tables_of_the_demonstration_are_current(ids: Ids) -> None:
    """Every marked table of the documents is of this store."""
    done = ids("run", "experiments=demo", timeout=800)
    assert done.returncode == 0, done.stderr
    files = [str(path) for path in dict.fromkeys(path for path, _ in MARKERS)]
    assert main([*files, "--check", "--output-dir", str(ids.folder / "outputs")]) == 0
