"""Every yaml composes, passes the checks, sets every field of its class, and builds."""

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, Compose

from ids.config.build import build, build_experiment
from ids.config.classes import Classes
from ids.config.sources import GROUPS, find_sources
from ids.config.space import parse_space
from ids.core.edit import Editor
from ids.core.errors import DataError
from ids.core.logs import Logger
from ids.core.protocols import BackboneSource, Dataset, Metric

SOURCES = find_sources()
PLACEHOLDERS = (ROOT / "docs" / "demo.png", ROOT / "tests" / "conf" / "photos")
SKIPPED = ("metric", "experiments")  # chosen inside another group; tested below
SEARCHES = ("search",)  # experiments with intervals, for `ids search`
LONG = ("baselines", "confirmation", "fpr_family", "rules", "scenes")  # many settings
EXPERIMENTS = [  # those in paper/ have tests of their own: tests/conf/test_paper_presets.py
    pytest.param(name, marks=[pytest.mark.slow] if name in LONG else ())
    for name in SOURCES.options("experiments")
    if not name.startswith("paper/")
]
CHOICES = [(g, option) for g in GROUPS if g not in SKIPPED for option in SOURCES.options(g)]
CLASSES = Classes()
KINDS = {"method": Editor, "backbone": BackboneSource, "dataset": Dataset}


def values_of(
    compose: Compose, group: str, option: str, given: Path = PLACEHOLDERS[0]
) -> dict[str, Any]:
    """The values, with a path for each that the yaml leaves open (`???`)."""
    content = yaml.safe_load(SOURCES.option(group, option).path.read_text())
    words = [f"{group}.{key}={given}" for key, value in content.items() if value == "???"]
    (setting,) = compose([f"{group}={option}", *words])
    return setting.values


def first_built(compose: Compose, group: str, option: str) -> Any:
    """Built from an image file or, where a folder is expected, from a folder."""
    for given in PLACEHOLDERS:
        try:
            return build(values_of(compose, group, option, given).get(group), group)
        except DataError as error:
            refused = error
    raise refused


@pytest.mark.parametrize(("group", "option"), CHOICES)
def test_every_option_composes_and_builds(compose: Compose, group: str, option: str) -> None:
    """And sets every field: a changed default in code cannot change a configuration silently."""
    for node in _targets(values_of(compose, group, option).get(group)):
        if node["_target_"].startswith("ids."):
            signature = CLASSES.signature(node["_target_"])
            assert signature is not None
            assert set(node) - {"_target_", "name"} == set(signature.parameters), node["_target_"]
    built = first_built(compose, group, option)
    if group in KINDS:
        assert isinstance(built, KINDS[group])
    if group == "metrics":
        assert all(isinstance(metric, Metric) for metric in built.values())
    if group == "logger":
        assert all(isinstance(logger, Logger) for logger in built.values())


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_composes_and_builds(compose: Compose, name: str) -> None:
    words = [f"experiments={name}"]
    if name in SEARCHES:
        space = parse_space(words, SOURCES)
        settings = [one for end in space.corners() for one in compose(space.words(end))]
    else:
        settings = compose(words)
    for setting in settings:
        build_experiment(setting)
    head = (ROOT / "experiments" / f"{name}.yaml").read_text().split("defaults:")[0]
    assert "Shows:" in head
    assert "Takes:" in head


def test_no_class_without_yaml_and_no_yaml_without_class() -> None:
    named = {
        node["_target_"].rsplit(".", 1) and node["_target_"]
        for path in (ROOT / "conf").rglob("*.yaml")
        for node in _targets(yaml.safe_load(path.read_text()))
    }
    assert all(CLASSES.signature(target) for target in named)
    for package, not_configured in {
        "ids.methods": {"Refined"},
        "ids.metrics": set(),
        "ids.data": set(),
        "ids.log": set(),
        "ids.editing": {"Finished", "StateRecorder", "ViewRecorder", "MeteredBackbone", "NFE"},
        "ids.backbones": {"GaussianWorld", "LatentDiffusion", "LatentFlow"},
    }.items():
        public = set(importlib.import_module(package).__all__) - not_configured
        assert {f"{package}.{name}" for name in public} <= named


def test_signatures_read_from_source_are_those_of_the_classes() -> None:
    import inspect

    for package in ("ids.methods", "ids.metrics", "ids.data", "ids.editing", "ids.backbones"):
        module = importlib.import_module(package)
        for name in module.__all__:
            signature = CLASSES.signature(f"{package}.{name}")
            assert signature is not None
            parameters = [
                p
                for p in inspect.signature(getattr(module, name)).parameters
                if not p.startswith("_")
            ]
            assert list(signature.parameters) == parameters


def _targets(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield node
        for value in node.values():
            yield from _targets(value)
    elif isinstance(node, list):
        for value in node:
            yield from _targets(value)
