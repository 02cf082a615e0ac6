"""Tables of prompts: stored as typed, or refused in one line."""

import csv
import json
import re
from pathlib import Path

import pytest
import yaml
from PIL import Image

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data import Folder

HEAD = "image,source,target\n"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    Image.new("RGB", (20, 20), "white").save(tmp_path / "a.png")
    return tmp_path


def cases(folder: Path, content: str | bytes, name: str = "edits.csv") -> list[EditCase]:
    """The cases of the one table that the folder has."""
    for file in folder.glob("*"):
        if file.name.lower().startswith("edits"):
            file.unlink()
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    dataset = Folder(str(folder), 16)
    return [dataset[index] for index in range(len(dataset))]


def refusal(folder: Path, content: str | bytes, name: str = "edits.csv") -> str:
    with pytest.raises(DataError) as raised:
        cases(folder, content, name)
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    return message


PROMPTS = (
    "a cat\non a mat",
    "a cat\r\non a mat",
    "a red\u2028circle",
    "a red\x85circle\u2029",
    ' a "cat", sitting ',
    "C:\\new\\table ${oc.env:HOME} $HOME %s {x} #1",
    "no",
    "null",
    "2024-01-01",
    "-e; rm",
    "a cafe\u0301",
    "\ufeffcat",
    "\x1b[31mred",
)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_prompts_are_kept_byte_for_byte(photos: Path, prompt: str) -> None:
    row = {"image": "a.png", "source": prompt, "target": f"{prompt} "}
    with (photos / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    texts = {
        "edits.csv": (photos / "table.csv").read_bytes(),
        "edits.jsonl": json.dumps(row, ensure_ascii=False),
        "edits.yaml": yaml.dump([row]),
    }
    for name, text in texts.items():
        (case,) = cases(photos, text, name)
        assert (case.prompt_src, case.prompt_trg) == (prompt, f"{prompt} ")


def test_yaml_scalars_are_text_as_written(photos: Path) -> None:
    text = "- {image: a.png, source: no, target: 2024-01-01, id: 007, mask: ~, seen: 1e3}\n"
    (case,) = cases(photos, text, "edits.yml")
    assert (case.prompt_src, case.prompt_trg, case.id) == ("no", "2024-01-01", "007")
    assert case.mask is None
    assert case.metadata == {"seen": "1e3"}


def test_further_columns_are_metadata(photos: Path) -> None:
    (case,) = cases(photos, "image,source,target,author, place\na.png,a,b,me, here\n")
    assert case.metadata == {"author": "me", "place": " here"}
    row = '{"image": "a.png", "source": "a", "target": "b", "year": 1.50, "own": true, "x": null}'
    (case,) = cases(photos, row, "edits.jsonl")
    assert case.metadata == {"year": "1.50", "own": "true", "x": ""}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEAD + "a.png,a,b,c\n", "line 2: expected 3 cells, as in the header; got 4"),
        (HEAD + "a.png,a\n", "line 2: expected 3 cells, as in the header; got 2"),
        (HEAD + '\na.png,"a\nb",c\nz.png,a,b\n', "line 5: column image: expected the image"),
        (HEAD + 'a.png,a,b\na.png,"a,b\n\n', "line 3: expected CSV; unexpected end of data"),
        (HEAD + 'a.png,"a" b,c\n', "line 2: expected CSV"),
        ("image;source;target\na.png;a;b\n", "line 1: expected columns separated by commas"),
        ("image\tsource\ttarget\na.png\ta\tb\n", "separated by commas; got tabs"),
        ("image,source,target,source\na.png,a,b,c\n", "line 1: expected a different name for"),
        (",image,source,target\n0,a.png,a,b\n", "got a column without a name"),
        (
            "image,source,traget\na.png,a,b\n",
            "expected a column target; .*; rename 'traget' to target",
        ),
        (
            "image,prompt,target\na.png,a,b\n",
            "expected a column source; .*; rename 'prompt' to source",
        ),
        ("Image,source,target\na.png,a,b\n", "rename 'Image' to image"),
        ("image,source,target,Mask\na.png,a,b,a.png\n", "resembles mask; got 'Mask'"),
        ((HEAD + "a.png,a,é\n").encode("latin-1"), "line 2: expected UTF-8; got another"),
        ((HEAD + "a.png,a,b\n").encode("utf-16"), "expected UTF-8; got UTF-16"),
        (HEAD + "a.png,a\0,b\n", "line 2: expected text; got a NUL byte"),
        (
            HEAD + "a.png,a,b\nz.png,a,b\na.png,,b\na.png,a,b,c\n",
            "line 3.*further faulty rows: 2",
        ),
        (HEAD + "a.png,a,\u2003\n", "column target: expected a prompt"),
        (HEAD + "a\x1b\n.png,a,b\n", "line 2"),
        (HEAD + f"{'a' * 300}.png,a,b\n", "line 2: column image: expected the name of"),
        (HEAD + f"a.png,{'a' * 20_000},b\n", "column 'source': expected at most 10000 char"),
        ("image,source,target,weights\na.png,a,b,dog:nan\n", "line 2: column weights"),
        ("image,source,target,weights\na.png,a,b,dog:1_0\n", "got 'dog:1_0'"),
        ("image,source,target,weights\na.png,a,b,dog:2 dog:3\n", "got 'dog' twice"),
        (f"image,source,target,id\na.png,a,b,{'a' * 201}\n", "column id: expected a case id"),
    ],
)
def test_csv_that_cannot_be_meant(photos: Path, content: str | bytes, words: str) -> None:
    assert re.search(words, refusal(photos, content))


def row_of(**cells: object) -> str:
    return json.dumps({"image": "a.png", "source": "a", "target": "b"} | cells)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (row_of() + "\n" + row_of(source=7), "line 2: .*column 'source': expected text; got 7"),
        (row_of(target=False), "column 'target': expected text; got false"),
        (row_of(mask=float("nan")), "column 'mask': expected text; got NaN"),
        (row_of(own=[1]), "column 'own': expected text; got a list or object"),
        (row_of(own={"a": "b"}), "column 'own': expected text; got a list or object"),
        (row_of(target={"a": "b"}), "column 'target': expected text; got a list or object"),
        (row_of(target=[["b"]]), "column 'target': expected text; got a list or object"),
        (row_of(target=["b", 7]), "column 'target': expected text; got 7"),
        (row_of(source=["a"]), "column 'source': expected text; got a list or object"),
        (row_of(target=[]), "column target: expected one prompt or more; got an empty list"),
        (row_of(blend=["a b"]), "column blend: expected text, as target is one text; got a list"),
        (row_of(target=["b", None]), "column target: expected a prompt"),
        (
            row_of(target=["b", "c"], blend=["a b"]),
            "column blend: expected 2 texts, one per target; got 1; write one for each",
        ),
        (row_of(target=None), "line 1: column target: expected a prompt"),
        (row_of(source="\ud800"), "column source: expected text in Unicode"),
        (row_of(**{"\ud800": "x"}), "expected text in Unicode"),
        (row_of(source="a\0"), "column source: expected text in Unicode without NUL"),
        (row_of()[:-1] + ', "source": "c"}', "expected every column once"),
        (row_of()[:-1], "Expecting ',' delimiter at character"),
        ('["image", "source"]', 'expected {"column": "text", ...}'),
        ("[" * 100_000, "nested too deeply"),
        ('{"image": ' + "9" * 10_000 + "}", "column 'image': expected text"),
    ],
)
def test_json_that_cannot_be_meant(photos: Path, content: str, words: str) -> None:
    assert re.search(words.replace("...}", r"\.\.\.}"), refusal(photos, content, "edits.jsonl"))


YAML = "- image: a.png\n  source: a\n  target: "


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (YAML + "[b, [c]]\n", "line 3: expected text in column 'target'; got a list"),
        (YAML + "{b: c}\n", "line 3: expected text in column 'target'; got a mapping"),
        ("- image: a.png\n  source: [b]\n", "expected text in column 'source'; got a list"),
        (YAML + "&x b\n", "line 3: expected text in column 'target'; got the anchor &x"),
        (YAML + "!!python/name:os.system b\n", "got the tag !tag:yaml.org,2002:python"),
        (YAML + "*b\n", "line 3: expected text in column 'target'; got an alias"),
        (YAML + "b\n  target: c\n", "line 4: expected every column once; got 'target' again"),
        (YAML + "b: c\n", "line 3: expected YAML"),
        (YAML + "b\n---\n- c\n", "expected one list of rows; got a second document"),
        (YAML + "null\n", "line 1: column target: expected a prompt"),
        (YAML + "b\u2028c\n", "line 3: expected plain line breaks"),
        (YAML + '"\\ud800"\n', ""),
        ("a: &a [x, x]\nb: &b [*a, *a]\n", "line 1: expected a list of rows"),
        ("- &a [x]\n- [*a, *a]\n", "line 1: expected a list of rows"),
        ("[" * 100_000, "line 1"),
    ],
)
def test_yaml_that_cannot_be_meant(photos: Path, content: str, words: str) -> None:
    assert words in refusal(photos, content, "edits.yaml")


def test_byte_order_mark_and_endings_in_any_case(photos: Path) -> None:
    for name in ("edits.CSV", "Edits.Csv"):
        assert cases(photos, b"\xef\xbb\xbf" + f"{HEAD}a.png,a,b\r\n".encode(), name)
    assert cases(photos, row_of(), "edits.JSONL")
    assert cases(photos, YAML + "b", "EDITS.YML")
    (photos / "edits.csv").write_text(HEAD + "a.png,a,b\n")
    with pytest.raises(DataError, match="name one of them"):
        len(Folder(str(photos), 16))
    with pytest.raises(DataError, match="ends in"):
        len(Folder(str(photos / "a.png"), 16))
