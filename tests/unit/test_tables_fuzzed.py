"""Tables of random text and bytes, and tables of extreme size."""

import csv
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data import Folder

HEAD = "image,source,target\n"
ODD = (
    "a\r\nb",
    "\u2028",
    "a\x85",
    ' "a", ',
    "\\n${x}",
    "no",
    "null",
    "~",
    "1e3",
    "- a: #b",
    "\ufeff",
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    Image.new("RGB", (20, 20), "white").save(tmp_path / "a.png")
    return tmp_path


LARGE = {
    "rows": ("edits.csv", HEAD + "a.png,a,b\n" * 60_000),
    "field": ("edits.csv", HEAD + f"a.png,{'a' * 3_000_000},b\n"),
    "columns": ("edits.csv", "," * 3_000_000),
    "file": ("edits.csv", HEAD + "a" * 5_000_000),
    "keys": ("edits.jsonl", "{" + ",".join(f'"{i}":1' for i in range(200_000)) + "}"),
    "brackets": ("edits.yaml", "[" * 3_000_000),
    "dashes": ("edits.yaml", "- " * 1_500_000),
    "aliases": ("edits.yaml", "- &a {image: a}\n" + "- *a\n" * 500_000),
}


@pytest.mark.parametrize("kind", LARGE)
def test_oversized_tables_are_refused(photos: Path, kind: str) -> None:
    name, content = LARGE[kind]
    assert case_or_refusal(photos / name, content.encode()) is None


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(ODD)
ANY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, derandomize=True
)


def case_or_refusal(table: Path, content: bytes) -> EditCase | None:
    """The first case, or None if an error of one line refuses the table."""
    table.write_bytes(content)
    try:
        return Folder(str(table), 16)[0]
    except DataError as error:
        lines = str(error).splitlines()
    assert len(lines) == 1
    return None


def written(row: dict[str, str], kind: str, folder: Path) -> bytes:
    if kind == "csv":
        with (folder / "written").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([row.keys(), row.values()])
        return (folder / "written").read_bytes()
    if kind == "jsonl":
        return json.dumps(row, ensure_ascii=False).encode()
    return str(yaml.dump([row], allow_unicode=kind == "yml")).encode()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "yaml", "yml"])
@ANY
@given(source=TEXT, target=TEXT)
def test_text_is_read_unchanged(photos: Path, kind: str, source: str, target: str) -> None:
    row = {"image": "a.png", "source": source, "target": target}
    content = written(row, kind, photos)
    if all(text.strip() and "\0" not in text for text in (source, target)) and kind != "yml":
        case = case_or_refusal(photos / f"edits.{kind}", content)
        assert case is not None
        assert (case.prompt_src, case.prompt_trg) == (source, target)
    else:  # with allow_unicode PyYAML writes U+2028 plainly, which it would read as a line break
        case = case_or_refusal(photos / f"edits.{kind}", content)
        assert case is None or (case.prompt_src, case.prompt_trg) == (source, target)


PIECES = st.sampled_from(
    ["image", "source", "target", "a.png", ",", "\n", '"', "- ", ": ", "{", "}", "[", "&a", "*a"]
)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "yaml"])
@ANY
@given(content=st.binary(max_size=80) | st.lists(PIECES, max_size=20).map("".join))
def test_any_bytes_are_a_table_or_an_error(photos: Path, ending: str, content: bytes | str) -> None:
    raw = content if isinstance(content, bytes) else content.encode()
    case_or_refusal(photos / f"edits.{ending}", raw)
