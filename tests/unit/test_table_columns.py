"""Several targets per row, and tables with the columns of other layouts."""

import json
from pathlib import Path

import pytest
import yaml
from PIL import Image

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data import Folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "m1.png", "m2.png"):
        Image.new("L", (8, 8), 255).save(tmp_path / name)
    return tmp_path


def cases(folder: Path, name: str, content: str) -> list[EditCase]:
    (folder / name).write_text(content)
    dataset = Folder(str(folder / name), 8)
    return [dataset[row] for row in range(len(dataset))]


def test_a_row_with_several_targets_is_several_cases(photos: Path) -> None:
    rows = [
        {"image": "a.png", "source": "a cat", "target": ["a dog", "a red fox"]},
        {"image": "b.png", "source": "a cat", "target": "a dog", "instruction": "a dog, please"},
        {"image": "b.png", "source": "a cat", "target": ["a dog"], "id": "x"},
    ]
    rows[0] |= {"blend": ["cat dog", ""], "mask": ["m1.png", "m2.png"], "place": "home"}
    rows[0] |= {"instruction": ["make it a dog", "make it a fox"], "tags": "pet"}
    for name, content in {
        "edits.jsonl": "\n".join(map(json.dumps, rows)),
        "edits.yaml": yaml.dump(rows),
    }.items():
        found = cases(photos, name, content)
        assert [case.id for case in found] == ["a-1-1", "a-1-2", "b-2", "x-1"]
        assert [case.prompt_trg for case in found] == ["a dog", "a red fox", "a dog", "a dog"]
        assert [case.blend_words for case in found[:2]] == [("cat", "dog"), None]
        assert found[1].instruction == "make it a fox"
        assert [case.tags for case in found[:2]] == [{"pet"}, {"pet"}]
        assert found[0].metadata == {"place": "home"}
        assert len({case.source_digest for case in found[:2]}) == 1
        assert [str(case.mask.image.name)[-6:] for case in found[:2]] == ["m1.png", "m2.png"]


def test_repeated_rows_of_csv_are_several_targets(photos: Path) -> None:
    table = "image,source,target\na.png,a cat,a dog\na.png,a cat,a pig\n"
    assert [c.id for c in cases(photos, "edits.csv", table)] == ["a-1", "a-2"]
    table = "id,image,source,target\nx,a.png,a cat,a dog\nx,a.png,a cat,a pig\n"
    with pytest.raises(DataError, match="every case id once; got 'x' twice"):
        cases(photos, "edits.csv", table)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", "file_name,original_prompt,edit_prompt,edited_prompt\na.png,s,i,t\n"),
        (
            "metadata.jsonl",
            '{"file_name": "a.png", "source": "s", "target": "t", "edit_prompt": "i"}',
        ),
        (
            "exp.yaml",
            "- input_img: a.png\n  source_prompt: s\n  target_prompts: [t]\n  instruction: i\n",
        ),
    ],
)
def test_other_layouts(photos: Path, name: str, content: str) -> None:
    (case,) = cases(photos, name, content)
    assert (case.prompt_src, case.prompt_trg, case.instruction) == ("s", "t", "i")
    assert case.metadata == {}
    if name.startswith("metadata"):
        assert Folder(str(photos), 8)[0].digest == case.digest
        (photos / "edits.csv").write_text("image,source,target\na.png,x,y\n")
        assert Folder(str(photos), 8)[0].prompt_src == "x"


def test_names_of_other_layouts_are_metadata_beside_ours(photos: Path) -> None:
    table = "image,source,target,edit_prompt,file_name\na.png,s,t,i,n\n"
    (case,) = cases(photos, "edits.csv", table)
    assert case.instruction == ""
    assert case.metadata == {"edit_prompt": "i", "file_name": "n"}


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("file_name,text", "expected a column source; got image, text; rename 'text' to source"),
        ("image,source,target_prompt,edited_prompt", "expected a column target"),
    ],
)
def test_a_column_that_is_missing_or_doubtful(photos: Path, head: str, words: str) -> None:
    row = ",".join(["a.png"] * (head.count(",") + 1))
    with pytest.raises(DataError, match=words):
        cases(photos, "metadata.csv", f"{head}\n{row}\n")
