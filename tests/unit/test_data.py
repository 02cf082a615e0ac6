"""Cases of tables and single images, their checks, and the cases of the embedded world."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from ids.core.errors import DataError
from ids.data import Folder, Shapes, Single
from ids.shapes.caption import WORDS, caption, vocabulary
from ids.shapes.render import object_cover, render
from ids.shapes.scene import VALUES


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "m.png"):
        Image.new("RGB", (20, 20), "white").save(tmp_path / name)
    Image.new("RGB", (20, 20)).save(tmp_path.parent / "outside.png")
    return tmp_path


def table(folder: Path, text: str, name: str = "edits.csv") -> Folder:
    (folder / name).write_text(text)
    return Folder(str(folder), 16)


def test_csv_jsonl_and_yaml_give_equal_cases(photos: Path) -> None:
    row = {
        "image": "a.png",
        "source": "a cat",
        "target": "a dog",
        "id": "cat",
        "mask": "m.png",
        "tags": "x y",
    }
    texts = {
        "edits.csv": ",".join(row) + "\n" + ",".join(row.values()) + "\n",
        "edits.jsonl": json.dumps(row) + "\n",
        "edits.yaml": "- " + "\n  ".join(f"{k}: {v}" for k, v in row.items()) + "\n",
    }
    for name, text in texts.items():
        (photos / name).write_text(text)
        case = Folder(str(photos / name), 16)[0]
        assert (case.id, case.prompt_src, case.prompt_trg, case.tags) == (
            "cat",
            "a cat",
            "a dog",
            {"x", "y"},
        )
        assert case.mask is not None
        assert case.source.load().shape == (3, 16, 16)


HEAD = "image,source,target,id\n"
BAD_ROWS = {
    HEAD: "expected one row per edit; got none",
    HEAD + "a.png,,b,\n": "expected a prompt; got an empty one",
    HEAD + "a.png,a,   ,\n": "expected a prompt; got an empty one",
    HEAD + "c.png,a,b,\n": "found none; check the name",
    HEAD + ",a,b,\n": "column image: expected the name of an image",
    HEAD + "../outside.png,a,b,\n": "leads out of it",
    HEAD + "/etc/passwd,a,b,\n": "leads out of it",
    HEAD + "a.png,a,b,x/y\n": "expected a case id",
    HEAD + "a.png,a,b,..\n": "expected a case id",
    HEAD + "a.png,a,b,a..b\n": "expected a case id",
    HEAD + "a.png,a,b,x\nb.png,a,b,x\n": "got 'x' twice",
    "image,source,goal\na.png,a,b\n": "rename 'goal' to target",
}


@pytest.mark.parametrize(("text", "words"), BAD_ROWS.items())
def test_bad_rows_are_named(photos: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words.replace(".", r"\.")) as raised:
        len(table(photos, text))
    assert "edits.csv" in str(raised.value)


def test_a_folder_without_a_table_is_refused(photos: Path) -> None:
    with pytest.raises(DataError, match="found none"):
        len(Folder(str(photos), 16))
    with pytest.raises(DataError, match="found no such folder"):
        len(Folder(str(photos / "none"), 16))
    with pytest.raises(DataError, match="expected a list of rows"):
        len(table(photos, "a: b", "edits.yaml"))
    (photos / "edits.yaml").unlink()
    with pytest.raises(DataError, match="JSON lines"):
        len(table(photos, "{", "edits.jsonl"))


def test_a_single_edit_needs_a_file_and_two_prompts(photos: Path) -> None:
    assert Single(str(photos / "a.png"), " a", "b ", 16)[0].prompt_trg == "b "
    with pytest.raises(DataError, match="expected an image file"):
        Single(str(photos / "none.png"), "a", "b", 16)
    with pytest.raises(DataError, match="target prompt"):
        Single(str(photos / "a.png"), "a", " ", 16)


def test_a_single_case_is_labelled_by_its_prompts(photos: Path) -> None:
    def label(name: str, *prompts: str) -> str:
        return Single(str(photos / name), *prompts, 16)[0].id

    assert label("a.png", "a", "b").startswith("a-")
    assert label("a.png", "a", "b") == label("a.png", "a", "b")
    assert len({label("a.png", "a", "b"), label("a.png", "b", "a"), label("b.png", "a", "b")}) == 3
    Image.new("RGB", (8, 8)).save(photos / "grün 1.png")
    assert label("grün 1.png", "a", "b").startswith("grun_1-")


def test_a_single_image_or_mask_that_cannot_be_read_stops_at_once(photos: Path) -> None:
    (photos / "bad.png").write_bytes(b"")
    Image.new("L", (20, 30)).save(photos / "long.png")
    for name in ("bad.png", "long.png", "none.png"):
        with pytest.raises(DataError, match=name):
            Single(str(photos / "a.png"), "a", "b", 16, mask=str(photos / name))
    with pytest.raises(DataError, match=r"bad\.png"):
        Single(str(photos / "bad.png"), "a", "b", 16)


@pytest.mark.parametrize("size", [0, -1, 10**6])
def test_an_impossible_canvas_is_refused(photos: Path, size: int) -> None:
    for make in (
        lambda: Shapes(size=size),
        lambda: Folder(str(photos), size),
        lambda: Single(str(photos / "a.png"), "a", "b", size),
    ):
        with pytest.raises(ValueError, match=r"dataset\.size: expected"):
            make()
    with pytest.raises(ValueError, match=r"dataset\.multiple: expected"):
        Folder(str(photos), 16, "aspect", 0)


def test_splits_never_share_a_scene() -> None:
    scenes = [
        Shapes(split, 300)[i].source.digest()
        for split in ("train", "dev", "test")
        for i in range(300)
    ]
    assert len(set(scenes)) == 900


def test_cases_do_not_depend_on_their_number() -> None:
    assert Shapes("dev", 3)[2] == Shapes("dev", 30)[2]
    assert Shapes("dev", 3, ("fill",))[1].tags == {"fill"}


@pytest.mark.parametrize("index", range(6))
def test_the_true_edit_differs_within_the_mask_alone(index: int) -> None:
    case = Shapes("test", 6)[index]
    assert case.truth is not None
    assert case.mask is not None
    changed = (case.source.load() - case.truth.load()).abs().amax(0) > 0
    assert changed.any()
    assert not (changed & (case.mask.load()[0] == 0)).any()
    assert (
        sum(a != b for a, b in zip(case.prompt_src.split(), case.prompt_trg.split(), strict=True))
        == 1
    )


def test_a_scene_is_one_image_at_every_size() -> None:
    scene = Shapes("dev", 1)[0].source.scene  # type: ignore[attr-defined]
    small, large = render([scene], 32)[0], render([scene], 128)[0]
    coarse = torch.nn.functional.avg_pool2d(large, 4)
    assert (small - coarse).abs().mean() < 0.02
    assert object_cover([scene], 64).amax() == 1


def test_every_word_is_one_token() -> None:
    from transformers import CLIPTokenizer

    words, merges = vocabulary()
    tokenizer = CLIPTokenizer(vocab=words, merges=merges, model_max_length=16)
    assert all(len(tokenizer.tokenize(word)) == 1 for word in WORDS)
    scene = Shapes("dev", 1)[0].source.scene  # type: ignore[attr-defined]
    assert len(tokenizer.tokenize(caption(scene))) == 4
    assert len(tokenizer.tokenize("dog")) == 3


def test_unknown_attributes_are_refused() -> None:
    scene = Shapes("dev", 1)[0].source.scene  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="expected one of"):
        scene.with_attribute("colour", "mauve")
    assert {caption(scene.with_attribute("shape", s)).split()[-1] for s in VALUES["shape"]} == set(
        VALUES["shape"]
    )
