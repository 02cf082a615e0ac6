"""`ids new`: templates that pass the checks and overwrite nothing."""

import json
from pathlib import Path

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
    words = (
        KINDS[kind].words.format(name="my_thing").replace("FILE", str(tmp_path / "x.json")).split()
    )
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


def listed(folder: Path, rows: object) -> Dataset:
    """The data set of `ids new dataset`, of these rows and one image."""
    Image.new("RGB", (40, 40), "red").save(folder / "a.png")
    (folder / "list.json").write_text(json.dumps(rows))
    scaffold("dataset", "my_list", folder, find_sources())
    words = ["dataset=my_list", f"dataset.path={folder / 'list.json'}", "dataset.size=32"]
    (setting,) = compose_all(words, find_sources([str(folder)]))
    return build_experiment(setting).dataset


def test_the_data_set_reads_a_list_and_a_malformed_row_costs_itself(tmp_path: Path) -> None:
    row = {"image": "a.png", "source": "a cat", "target": "a dog"}
    faulty = [{}, row | {"target": " "}, row | {"image": "../a.png"}, row | {"source": 3}]
    dataset = listed(tmp_path, [row, *faulty])
    case = dataset[0]
    assert (case.id, case.prompt_src, case.prompt_trg) == ("a-1", "a cat", "a dog")
    assert case.source.load().shape == (3, 32, 32)
    for index in range(1, len(dataset)):
        with pytest.raises(DataError, match=rf"list.json row {index + 1}.*: expected .*"):
            dataset[index]


@pytest.mark.parametrize("rows", [{}, [], "text"])
def test_a_file_without_rows_is_named(tmp_path: Path, rows: object) -> None:
    with pytest.raises(DataError, match=r"list.json: expected a list of rows"):
        len(listed(tmp_path, rows))
