"""Options that are composed once in a process, and again where anything they depend on changes."""

import shutil
from pathlib import Path

import pytest
from conftest import ROOT
from hydra import initialize_config_dir

from ids.config.classes import Classes
from ids.config.compose import compose_all
from ids.config.options import Options, compose_options
from ids.config.sources import Source, Sources, find_sources

CHOICE = ("method=dds",)


def options(sources: Sources) -> Options:
    with initialize_config_dir(str(sources.root), version_base="1.3"):
        return compose_options(CHOICE, sources)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in ("conf", "experiments"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def sources_in(home: Path) -> Sources:
    return Sources((Source(home / "conf", "ids"), Source(home, "ids")), Classes(()))


def test_unchanged_options_are_composed_once() -> None:
    assert options(find_sources()) is options(find_sources())


@pytest.mark.parametrize("file", ["conf/method/dds.yaml", "conf/local/default.yaml"])
def test_a_changed_or_new_yaml_counts(copied: Path, file: str) -> None:
    def n_steps() -> int:
        (setting,) = compose_all(["method=dds"], sources_in(copied))
        steps: int = setting.values["method"]["n_steps"]
        return steps

    first, path = n_steps(), copied / file
    path.parent.mkdir(exist_ok=True)
    own = path.read_text() if path.exists() else "# @package _global_\nmethod:\n"
    path.write_text(own + ("" if path.parent.name == "method" else "  ") + "n_steps: 17\n")
    assert (first, n_steps()) == (200, 17)


def test_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        monkeypatch.setenv("IDS_DATA", name)
        (setting,) = compose_all(["dataset=paper_pie"])
        assert setting.values["dataset"]["path"] == f"{name}/PIE-Bench"


def test_options_of_other_places_are_read_anew(tmp_path: Path) -> None:
    assert find_sources([str(tmp_path)]).stamp is None
