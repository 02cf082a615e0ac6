"""`ids new`: templates that pass the checks and overwrite nothing."""

from pathlib import Path

import pytest

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.config.scaffold import KINDS, scaffold
from ids.config.sources import find_sources
from ids.core.errors import ConfigError


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
