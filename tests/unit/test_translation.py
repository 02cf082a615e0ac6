"""Folders of images with a template or captions, and words."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data import Translation
from ids.run.manifest import read_row


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("b.JPG", "a.png", "sub/c.webp", ".hidden.png", ".git/x.png", "masks/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        kind = {".JPG": "JPEG", ".webp": "WEBP"}.get(Path(name).suffix, "PNG")
        Image.new("RGB", (12, 12), "white").save(tmp_path / name, kind)
    (tmp_path / "notes.md").write_text("notes")
    return tmp_path


def cases(folder: Path, **options: Any) -> list[EditCase]:
    values = {"source": "cat", "target": ["pig"]} | options
    dataset = Translation(str(folder), 8, **values)
    return [dataset[row] for row in range(len(dataset))]


def problems(folder: Path, **options: Any) -> list[str]:
    """Of every row as a run reads it, one line each; empty without one."""
    values = {"source": "cat", "target": ["pig"]} | options
    dataset = Translation(str(folder), 8, **values)
    found = [read_row(dataset, row)[1].problem for row in range(len(dataset))]
    assert all(problem.isprintable() for problem in found)
    return found


def test_every_image_gets_every_target(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = cases(photos, target=["pig", "flying squirrel"])
    assert [case.id.split("-")[0] for case in found] == ["a", "a", "b", "b", "sub_c", "sub_c"]
    assert [case.id for case in found[:2]] == ["a-pig", "a-flying_squirrel"]
    assert found[0].prompt_src == "a photo of a cat"
    assert [c.prompt_trg for c in found[:2]] == ["a photo of a pig", "a photo of a flying squirrel"]
    assert [case.blend_words for case in found[:2]] == [("cat", "pig"), None]
    assert [case.tags for case in found[:2]] == [{"pig"}, {"flying_squirrel"}]
    assert [case.mask is not None for case in found] == [True, True, False, False, False, False]
    assert found[0].mask is not None
    assert found[0].mask.load().min() == 1
    assert not any(problems(photos, target=["pig", "flying squirrel"]))
    assert "1 file is no image: notes.md" in caplog.text
    assert "2 images have no mask" in caplog.text
    assert [c.id for c in cases(photos)] == [c.id for c in found[::2]]


def test_ids_of_equal_and_foreign_names(tmp_path: Path) -> None:
    names = (
        "a.jpg",
        "a.png",
        "a.jpg.png",
        "日本.png",
        "中国.png",
        "a b.png",
        "sub/a.png",
        "sub_a.png",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    found = cases(tmp_path)
    ids = [case.id for case in found]
    assert len(set(ids)) == len(names)
    assert {"a.jpg-pig", "a.png-pig", "a.jpg.png-pig", "sub_a-pig"} <= set(ids)
    assert all(case_id.isascii() and "/" not in case_id for case_id in ids)
    (tmp_path / "0.png").write_bytes((tmp_path / "a.png").read_bytes())
    assert [case.id for case in cases(tmp_path)][1:] == ids


@pytest.mark.parametrize("table", ["captions.json", "metadata.csv", "metadata.jsonl", ""])
def test_captions_are_the_source_prompts(photos: Path, table: str) -> None:
    captions = {"a.png": "A Cat, with a concatenated cat", "b.JPG": "a dog", "sub/c.webp": "cats"}
    rows = [{"file_name": name, "text": caption} for name, caption in captions.items()]
    if table:
        texts = {
            "captions.json": json.dumps(captions),
            "metadata.csv": 'file_name,text\na.png,"A Cat, with a concatenated cat"\nb.JPG,a dog\n',
            "metadata.jsonl": "\n".join(map(json.dumps, rows)),
        }
        (photos / table).write_text(texts[table])
    else:
        for name, caption in captions.items():
            (photos / name).with_suffix(".txt").write_text(f"{caption}\n")
        (photos / "sub" / "c.txt").unlink()
    first = Translation(str(photos), 8, "cat", ["pig"], captions=True)[0]
    assert first.prompt_src == captions["a.png"]
    assert first.prompt_trg == "A pig, with a concatenated pig"
    assert first.blend_words == ("Cat", "pig")
    _, second, third = problems(photos, captions=True)
    assert "caption of 'b.JPG': expected the word 'cat' in it; got 'a dog'" in second
    expected = {
        "captions.json": "expected the word 'cat' in it; got 'cats'",
        "metadata.csv": "expected a caption of 'sub/c.webp'; got none",
        "metadata.jsonl": "expected the word 'cat' in it; got 'cats'",
        "": "expected the text file 'sub/c.txt'",
    }
    assert expected[table] in third


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("captions.json", "[1]"),
        ("captions.json", "{"),
        ("metadata.csv", "name,text\na.png,b\n"),
        ("metadata.jsonl", '{"file_name": "a.png"}'),
        ("metadata.jsonl", "7"),
        ("captions.json", '{"a.png": "a cat", "a.png": "a dog"}'),
        ("metadata.csv", "file_name,text\na.png,a cat\na.png,a dog\n"),
    ],
)
def test_malformed_captions(photos: Path, name: str, text: str) -> None:
    (photos / name).write_text(text)
    with pytest.raises(DataError, match=f"{name}: expected names of images and captions"):
        cases(photos, captions=True)


def test_a_faulty_image_or_mask_costs_itself(photos: Path) -> None:
    (photos / "b.JPG").write_bytes(b"not an image")
    (photos / "d.png").symlink_to(photos.parent / "outside.png")
    Image.new("RGB", (8, 8)).save(photos.parent / "outside.png")
    Image.new("RGB", (8, 8)).save(photos / "masks" / "a.jpg")
    first, second, third, fourth = problems(photos)
    assert "'a.png': expected one mask; got a.jpg, a.png" in first
    assert "b.JPG: expected an image" in second
    assert "leads out of it" in third
    assert not fourth


def test_words_and_folders_that_cannot_be_meant(photos: Path) -> None:
    for options in (
        {"template": "a photo"},
        {"template": "{} {}"},
        {"target": []},
        {"target": ["pig", "pig"]},
        {"target": ["pig", " "]},
        {"source": ""},
    ):
        with pytest.raises(ValueError, match="dataset"):
            cases(photos, **options)
    assert cases(photos, target="pig")[0].id == "a-pig"
    (photos / "empty").mkdir()
    for path, words in (("none", "No such file"), ("empty", "found none"), ("a.png", "Not a dir")):
        with pytest.raises(DataError, match=words):
            cases(photos / path)


def test_the_folder_of_masks_can_have_another_name(photos: Path) -> None:
    (photos / "masks").rename(photos / "sub" / "regions")
    assert cases(photos, masks="sub/regions")[0].mask is not None
    assert len(cases(photos, masks="")) == 4
