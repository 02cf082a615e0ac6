"""Every yaml lives: it composes, is checked, spells every field of its class, and builds."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from conftest import ROOT

from ids.config.build import build, build_experiment
from ids.config.compose import compose_all
from ids.config.paths import options
from ids.config.signature import signature_of
from ids.core.protocols import BackboneSource, Dataset, Editor, Logger, Metric

GROUPS = tuple(sorted(path.name for path in (ROOT / "conf").iterdir() if path.is_dir()))
NEEDED = {
    ("dataset", "folder"): [f"dataset.path={ROOT / 'tests' / 'conf' / 'photos'}"],
    ("dataset", "single"): [
        f"dataset.path={ROOT / 'docs' / 'demo.png'}",
        "dataset.prompt_src=a",
        "dataset.prompt_trg=b",
    ],
    ("backbone", "stable_diffusion"): ["backbone.path=/nowhere"],
}
PARTS = ("metric",)  # chosen inside another group
CHOICES = [(g, option) for g in GROUPS if g not in PARTS for option in options(g)]
KINDS = {"method": Editor, "backbone": BackboneSource, "dataset": Dataset}


def values_of(group: str, option: str) -> dict[str, Any]:
    (setting,) = compose_all([f"{group}={option}", *NEEDED.get((group, option), [])])
    return setting.values


@pytest.mark.parametrize(("group", "option"), CHOICES)
def test_every_option_composes_and_builds(group: str, option: str) -> None:
    values = values_of(group, option)
    built = build(values.get(group), group)
    if group in KINDS:
        assert isinstance(built, KINDS[group])
    if group == "metrics":
        assert all(isinstance(metric, Metric) for metric in built.values())
    if group == "logger":
        assert all(isinstance(logger, Logger) for logger in built.values())


@pytest.mark.parametrize(("group", "option"), CHOICES)
def test_every_yaml_spells_every_field(group: str, option: str) -> None:
    """So that a yaml is the whole statement, and a changed default in code cannot follow it
    silently.
    """
    for node in _targets(values_of(group, option).get(group)):
        if not node["_target_"].startswith("ids."):
            continue
        signature = signature_of(node["_target_"])
        assert signature is not None
        assert set(node) - {"_target_"} == set(signature.parameters), node["_target_"]


@pytest.mark.parametrize("name", options("experiments"))
def test_every_experiment_composes_and_builds(name: str) -> None:
    for setting in compose_all([f"experiments={name}"]):
        build_experiment(setting.choices, setting.values)
    head = (ROOT / "experiments" / f"{name}.yaml").read_text().split("defaults:")[0]
    assert "Shows:" in head
    assert "Takes:" in head


def test_no_class_without_yaml_and_no_yaml_without_class() -> None:
    named = {
        node["_target_"].rsplit(".", 1) and node["_target_"]
        for path in (ROOT / "conf").rglob("*.yaml")
        for node in _targets(yaml.safe_load(path.read_text()))
    }
    assert all(signature_of(target) for target in named)
    for package, not_configured in {
        "ids.methods": {"Refined"},
        "ids.metrics": set(),
        "ids.data": set(),
        "ids.log": set(),
        "ids.editing": {"StateRecorder", "MeteredBackbone", "NFE"},
        "ids.backbones": {"GaussianWorld", "LatentDiffusion"},
    }.items():
        public = set(importlib.import_module(package).__all__) - not_configured
        assert {f"{package}.{name}" for name in public} <= named


def test_signatures_read_from_source_are_the_true_ones() -> None:
    import inspect

    for package in ("ids.methods", "ids.metrics", "ids.data", "ids.editing", "ids.backbones"):
        module = importlib.import_module(package)
        for name in module.__all__:
            signature = signature_of(f"{package}.{name}")
            assert signature is not None
            true = [
                p
                for p in inspect.signature(getattr(module, name)).parameters
                if not p.startswith("_")
            ]
            assert list(signature.parameters) == true


def _targets(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield node
        for value in node.values():
            yield from _targets(value)
    elif isinstance(node, list):
        for value in node:
            yield from _targets(value)
