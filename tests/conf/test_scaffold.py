"""`ids new`: templates that pass the checks and overwrite nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.config.scaffold import KINDS, scaffold
from ids.config.sources import find_sources
from ids.core.errors import ConfigError, DataError
from ids.core.protocols import Dataset


@pytest.mark.parametrize("kind", KINDS)
def test_templates_pass_the_checks_and_are_built(tmp_path: Path, kind: str) -> None:
    sources = find_sources()
    module, option = scaffold(kind, "my_thing", tmp_path, sources)
    assert "emplate" not in module.read_text() + option.read_text()
    assert option == tmp_path / KINDS[kind].group / "my_thing.yaml"
    words = KINDS[kind].words.format(name="my_thing").replace("FOLDER", str(tmp_path)).split()
    (setting,) = compose_all(words, find_sources([str(tmp_path)]))
    if kind == "dataset":
        build_experiment(setting)
    for node in (setting.values["method"].get("distillation"), setting.values["fpr"]):
        if node and node["_target_"].startswith("my_thing"):
            signature = setting.sources.classes.signature(node["_target_"])
            assert signature is not None
            assert set(node) - {"_target_", "name"} == set(signature.parameters)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("ids", "method=ids is an option of ids; choose another"),
        ("Rule", "expected a name of lower-case letters"),
        ("../rule", "expected a name of lower-case letters"),
        ("class", "expected a name of lower-case letters"),
        ("random", "an installed module has it"),
        ("torch", "an installed module has it"),
        ("mine", "mine.py: expected a new file; it exists"),
    ],
)
def test_a_new_option_overwrites_nothing(tmp_path: Path, name: str, answer: str) -> None:
    (tmp_path / "mine.py").write_text("mine")
    with pytest.raises(ConfigError) as raised:
        scaffold("method", name, tmp_path, find_sources())
    assert answer in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]
    assert (tmp_path / "mine.py").read_text() == "mine"


ROW = {
    "image_path": "0_random/a.png",
    "original_prompt": "a [cat] on a mat",
    "editing_prompt": "a [dog] on a mat",
    "editing_type_id": "1",
    "blended_word": "cat dog",
    "mask": [512 * 100 + 200, 12, 512 * 300, 512 * 100, 512 * 512 - 5, 512],
}


def pie(folder: Path, rows: Any, side: int = 512) -> Dataset:
    """The data set of `ids new dataset`, of one image and these entries."""
    (folder / "pie/annotation_images/0_random").mkdir(parents=True)
    Image.new("RGB", (side, 512), "red").save(folder / "pie/annotation_images/0_random/a.png")
    (folder / "pie/mapping_file.json").write_text(json.dumps(rows))
    scaffold("dataset", "my_pie", folder, find_sources())
    words = ["dataset=my_pie", f"dataset.path={folder / 'pie'}", "dataset.size=512"]
    (setting,) = compose_all(words, find_sources([str(folder)]))
    return build_experiment(setting).dataset


def test_the_data_set_reads_the_layout_of_pie_bench(tmp_path: Path) -> None:
    dataset = pie(tmp_path, {"000": ROW, "001": {name: ROW[name] for name in list(ROW)[:3]}})
    case, bare = dataset[0], dataset[1]
    assert (case.id, case.tags, case.blend_words) == ("000", {"1"}, ("cat", "dog"))
    assert (case.prompt_src, case.prompt_trg) == ("a cat on a mat", "a dog on a mat")
    assert case.mask is not None
    mask = case.mask.load()[0]
    assert mask[100, 200:212].all()
    assert mask[300:400].all()
    border = mask.clone()
    border[1:-1, 1:-1] = 1
    assert border.all()  # as in the released decoding
    assert mask[1:-1, 1:-1].sum() == 12 + 100 * 510
    assert (bare.mask, bare.tags, bare.blend_words) == (None, frozenset(), None)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"original_prompt": "[]"}, "'000' original_prompt: expected a prompt"),
        ({"editing_prompt": 3}, "'000' editing_prompt: expected text; got '3'"),
        ({"image_path": "b.png"}, "'000' image_path: expected the image 'b.png'"),
        ({"image_path": "../mapping_file.json"}, "leads out of it"),
        ({"blended_word": "cat"}, "'000' blended_word: expected two words"),
        ({"mask": [1, 2, 3]}, "'000' mask: expected pairs of start and length"),
        ({"mask": [-1, 2]}, "'000' mask: expected pairs of start and length"),
        ({"mask": "1 2"}, "'000' mask: expected pairs of start and length"),
    ],
)
def test_a_malformed_entry_is_named(tmp_path: Path, change: dict[str, Any], answer: str) -> None:
    dataset = pie(tmp_path, {"000": ROW | change})
    with pytest.raises(DataError) as raised:
        dataset[0]
    assert str(raised.value).startswith(str(tmp_path / "pie/mapping_file.json '000'"))
    assert answer in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        ([], "json: expected an object of entries by id"),
        ({"000": []}, "'000': expected an object with image_path, original_prompt"),
        ({"a/b": ROW}, "'a/b': expected a case id"),
    ],
)
def test_a_malformed_table_is_named(tmp_path: Path, rows: Any, answer: str) -> None:
    with pytest.raises(DataError, match=answer):
        len(pie(tmp_path, rows))


def test_a_mask_over_a_photo_of_another_shape_costs_its_own_case(tmp_path: Path) -> None:
    case = pie(tmp_path, {"000": ROW}, side=400)[0]
    assert case.mask is not None
    with pytest.raises(DataError, match=r"'000' mask over .*: expected the shape of its photo"):
        case.mask.digest()
