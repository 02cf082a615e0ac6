"""PIE-Bench: the released layout, read as the released code reads it; a bad row costs itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pie_folder import ENTRY, SIDE, save_image, write_pie

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data import PieBench
from ids.data.run_lengths import checked_runs, decode_runs


def case_of(tmp_path: Path, **changes: Any) -> EditCase:
    """The case of `ENTRY` with these changes."""
    return PieBench(str(write_pie(tmp_path, {"000": ENTRY | changes})), SIDE)[0]


def test_an_entry_is_a_case(tmp_path: Path) -> None:
    case = case_of(tmp_path)
    assert (case.id, case.blend_words) == ("000", ("cake", "cake"))
    assert case.prompt_src == "a round cake with orange frosting"
    assert case.prompt_trg == "a square cake with orange frosting"
    assert case.instruction == "Change the shape of the cake"
    assert case.tags == {"1", "change_object", "artificial", "human"}
    assert case.metadata == {"bracketed_source": "round", "bracketed_target": "square"}
    assert case.source.load().shape == (3, SIDE, SIDE)
    assert case.mask is not None
    mask = case.mask.load()
    assert mask.shape == (3, SIDE, SIDE)
    assert mask[0, 1:-1, 1:-1].sum() == 12 + 100 * (SIDE - 2)


def test_what_an_entry_may_lack(tmp_path: Path) -> None:
    bare = {name: ENTRY[name] for name in ("image_path", "original_prompt", "editing_prompt")}
    case = PieBench(str(write_pie(tmp_path, {"000": bare})), 64)[0]
    assert (case.mask, case.blend_words, case.instruction) == (None, None, "")
    assert case.tags == {"artificial", "human"}


def test_every_category_has_a_number_and_a_name(tmp_path: Path) -> None:
    tags = [
        case_of(tmp_path / str(n), editing_type_id=str(n)).tags - {"artificial", "human"}
        for n in range(10)
    ]
    assert [sorted(pair)[0] for pair in tags] == [str(number) for number in range(10)]
    assert [sorted(pair)[1] for pair in tags[::3]] == ["random", "delete_object", "colour", "style"]


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("a [[red]] cat", "a red cat"),
        ("a ]red[ cat", "a red cat"),
        ("[a] [cat] ", "a cat "),
        ("a [] cat", "a  cat"),
        ("a (red) {cat}", "a (red) {cat}"),
    ],
)
def test_brackets_alone_are_removed_from_prompts(tmp_path: Path, prompt: str, shown: str) -> None:
    assert case_of(tmp_path, original_prompt=prompt).prompt_src == shown


@pytest.mark.parametrize(
    ("words", "blend"),
    [
        ("", None),
        ("cat", None),
        ("cat dog", ("cat", "dog")),
        ("red cat dog", ("red", "cat")),  # the first two, as in the released code
    ],
)
def test_blend_words_cost_no_row(tmp_path: Path, words: str, blend: tuple[str, str] | None) -> None:
    case = case_of(tmp_path, blended_word=words)
    assert case.blend_words == blend
    odd = len(words.split()) not in (0, 2)
    assert case.metadata.get("blended_word") == (words if odd else None)


def released(runs: list[int]) -> np.ndarray:
    """The decoding in plain steps, pixel by pixel."""
    pixels = [0] * (SIDE * SIDE)
    for index in range(0, len(runs), 2):
        for step in range(min(runs[index + 1], SIDE * SIDE - runs[index])):
            pixels[runs[index] + step] = 1
    mask = np.array(pixels).reshape(SIDE, SIDE)
    mask[0, :] = mask[-1, :] = mask[:, 0] = mask[:, -1] = 1
    return mask


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [0, 0],
        [SIDE * SIDE - 5, 900],  # cut at the last pixel
        [SIDE * SIDE, 3, SIDE * SIDE + 7, 10**30],  # past the end
        [9000, 700, 9300, 20, 9600, 300],  # overlapping
        [90000, 70, 5000, 20],  # unordered
        [0, SIDE * SIDE],
    ],
)
def test_runs_are_decoded_as_released(runs: list[int]) -> None:
    assert (decode_runs(checked_runs(runs, "row")) == released(runs)).all()


@pytest.mark.parametrize("path", ["", "data", "data/annotation_images", "data/mapping_file.json"])
def test_the_folder_its_parent_its_images_or_its_table(tmp_path: Path, path: str) -> None:
    table = write_pie(tmp_path / "data", {"000": ENTRY}) / "mapping_file.json"
    dataset = PieBench(str(tmp_path / path), 64)
    assert dataset.place == str(table)
    assert dataset[0].source.load().shape == (3, 64, 64)


def test_images_may_be_elsewhere(tmp_path: Path) -> None:
    write_pie(tmp_path / "data", {"000": ENTRY})
    moved = (tmp_path / "data/annotation_images").rename(tmp_path / "images")
    dataset = PieBench(str(tmp_path / "data"), 64, images=str(moved))
    assert dataset[0].source.load().shape == (3, 64, 64)
    with pytest.raises(DataError, match="found none"):
        PieBench(str(tmp_path / "data"), 64)[0]


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"original_prompt": "[]"}, "original_prompt: expected a prompt; got an empty one"),
    ({"editing_prompt": 3}, "editing_prompt: expected text; got '3'"),
    ({"image_path": "b.jpg"}, "image_path: expected the image 'b.jpg'"),
    ({"image_path": "../mapping_file.json"}, "leads out of it"),
    ({"image_path": "a\0.jpg"}, "expected text in Unicode without NUL"),
    ({"editing_type_id": 1}, "editing_type_id: expected text; got '1'"),
    ({"blended_word": ["cat", "dog"]}, "blended_word: expected text"),
    ({"mask": [1, 2, 3]}, "in pairs, start and length of each run; got an odd number of them, 3"),
    ({"mask": [-1, 2]}, "mask: expected a list of whole numbers from 0 .*; got '-1'"),
    ({"mask": [1, 2.0]}, "got '2.0'"),
    ({"mask": [True, 2]}, "got 'True'"),
    ({"mask": "1 2"}, "got '1 2'"),
    ({"mask": None}, "got 'None'"),
]


@pytest.mark.parametrize(("change", "answer"), FAULTS)
def test_a_malformed_entry_costs_itself(
    tmp_path: Path, change: dict[str, Any], answer: str
) -> None:
    dataset = PieBench(str(write_pie(tmp_path, {"bad": ENTRY | change, "good": ENTRY})), 64)
    with pytest.raises(DataError, match=rf"mapping_file.json 'bad'.* ?.*{answer}") as raised:
        dataset[0]
    assert "\n" not in str(raised.value)
    assert (dataset[1].id, dataset.label(0).id) == ("good", "bad")


def text_of(*pairs: tuple[str, Any]) -> str:
    """A JSON object in which a name may occur twice."""
    return "{" + ", ".join(f"{json.dumps(k)}: {json.dumps(value)}" for k, value in pairs) + "}"


@pytest.mark.parametrize(
    ("key", "value", "answer"),
    [
        ("good", ENTRY, "expected every case id once"),
        ("a", [], "expected an object with image_path"),
        ("a", {"image_path": "x"}, "original_prompt is missing"),
        ("../a", ENTRY, "expected a case id"),
        ("日本", ENTRY, "expected a case id"),
        ("", ENTRY, "expected a case id"),
    ],
)
def test_a_malformed_key_or_value_costs_itself(
    tmp_path: Path, key: str, value: Any, answer: str
) -> None:
    dataset = PieBench(str(write_pie(tmp_path, text_of(("good", ENTRY), (key, value)))), 64)
    assert (len(dataset), dataset[0].id) == (2, "good")
    with pytest.raises(DataError, match=answer):
        dataset[1]


def test_a_name_that_occurs_twice_costs_its_entry(tmp_path: Path) -> None:
    twice = json.dumps(ENTRY)[:-1] + ', "mask": [1, 1]}'
    dataset = PieBench(str(write_pie(tmp_path, f'{{"000": {twice}}}')), 64)
    with pytest.raises(DataError, match="'000': expected every name once; got 'mask' again"):
        dataset[0]


@pytest.mark.parametrize(("mode", "side"), [("L", 512), ("CMYK", 512), ("RGB", 400), ("RGB", 1)])
def test_an_image_unlike_the_released_ones_costs_its_case(
    tmp_path: Path, mode: str, side: int
) -> None:
    name = save_image(tmp_path, "other.jpg", mode, side)
    case = case_of(tmp_path, image_path=name)
    for read in (case.source.digest, case.source.load, lambda: case.digest):
        with pytest.raises(DataError, match=rf"'000': .*512x512.*; got {side}x512 .*mode {mode}"):
            read()


@pytest.mark.parametrize("mode", ["RGBA", "I;16", "P", "1"])
def test_an_image_of_another_mode_costs_its_case(tmp_path: Path, mode: str) -> None:
    case = case_of(tmp_path, image_path=save_image(tmp_path, "other.png", mode))
    with pytest.raises(DataError, match=rf"in RGB, as released; .* mode {mode}"):
        _ = case.digest


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"a": ', "[" * 100_000, '{"a": 1} x'])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, text: str) -> None:
    dataset = PieBench(str(write_pie(tmp_path, text)), 64)
    with pytest.raises(DataError, match=r"mapping_file.json: expected .*; check dataset.path"):
        len(dataset)


@pytest.mark.parametrize("path", ["", " ", "a\0b", "nowhere", "."])
def test_a_path_without_a_table_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    dataset = PieBench(path, 64)
    with pytest.raises(DataError, match=r"dataset\.path"):
        len(dataset)
    (file,) = dataset.files()
    assert not file.found
    assert "github.com/cure-lab/PnPInversion" in file.remedy
