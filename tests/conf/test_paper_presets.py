"""Every study of the paper composes and builds at both sizes, and with debug=fast."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from caches import point_at
from conftest import ROOT, Compose, InProcess

from ids.config.build import build_experiment
from ids.config.setting import Composed
from ids.config.sources import find_sources
from ids.doctor.presets import examine_files, needed_files

if TYPE_CHECKING:
    from paper_machine import PaperMachine

STUDIES = [name for name in find_sources().options("experiments") if name.startswith("paper/")]
KINDS = ("paper/table1", "paper/pie", "paper/nerf_table")  # the others need files of these
FILES = {  # what the heads call them -> a part of their names
    "SD1.4": "CompVis/stable-diffusion-v1-4",
    "AlexNet": "alexnet-owt-7be5be79.pth",
    "VGG": "vgg16-397923af.pth",
    "SqueezeNet": "squeezenet1_1-b8a52dc0.pth",
    "DINO ViT-B/8": "dino_vitbase8_pretrain.pth",
    "CLIPSeg": "CIDAS/clipseg-rd64-refined",
    "CLIP ViT-L/14": "clip",
    "data/cats": "data/cats",
    "data/PIE-Bench": "data/PIE-Bench",
    "data/nerf_llff_data/leaves": "data/nerf_llff_data/leaves",
    "FelixdoingAI/IP2P-200": "FelixdoingAI/IP2P-200",
}
HEAD = ("# Claim: ", "# Run: ids run experiments=", "# Takes: ", "# Shows: ", "# Needs: ")


def methods(name: str) -> list[str]:
    """The methods that a study sweeps over."""
    content = yaml.safe_load((ROOT / "experiments" / f"{name}.yaml").read_text())
    return str(content["hydra"]["sweeper"]["params"]["method"]).split(",")


def demo_backbone(name: str) -> str:
    """The networks that have words for all edits of the study."""
    return "shapes_wide" if name in ("paper/pie", "paper/edit_size") else "shapes"


def build_all(settings: Sequence[Composed]) -> None:
    """In one session: settings share the parts that they configure alike."""
    session = None
    for setting in settings:
        session = build_experiment(setting, True, session).session


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_composes_and_builds(compose: Compose, name: str) -> None:
    """With its last method; the slow tests have all of them, the paper's size and debug=fast."""
    demo = compose([f"experiments={name}", f"method={methods(name)[-1]}"])
    assert {one.values["backbone"]["path"] for one in demo} == {demo_backbone(name)}
    build_all(demo)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["demo", "paper"])
@pytest.mark.parametrize("name", STUDIES)
def test_all_settings_of_a_study_compose_and_build(compose: Compose, name: str, size: str) -> None:
    settings = compose([f"experiments={name}", f"size={size}"])
    assert {one.choices["method"] for one in settings} == set(methods(name))
    path = {"demo": demo_backbone(name), "paper": "CompVis/stable-diffusion-v1-4"}[size]
    assert {one.values["backbone"]["path"] for one in settings} == {path}
    build_all(settings)


@pytest.mark.parametrize("name", STUDIES)
def test_the_head_of_a_study_is_complete(name: str) -> None:
    head = (ROOT / "experiments" / f"{name}.yaml").read_text().split("defaults:")[0]
    lines = head.splitlines()[2:]
    assert [next(k for k in HEAD if line.startswith(k)) for line in lines] == list(HEAD)
    assert f"experiments={name}" in head


def test_make_runs_every_study() -> None:
    match = re.search(r"^PAPER := (.*)$", Path(ROOT / "Makefile").read_text(), re.MULTILINE)
    assert match
    assert sorted(f"paper/{name}" for name in match[1].split()) == STUDIES


def test_make_continues_after_a_study_that_fails(tmp_path: Path) -> None:
    """It names where it is and what failed, and exits non-zero at the end."""
    program = tmp_path / "bin" / "ids"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\ncase "$*" in *paper/lambda*) exit 1 ;; esac\necho "ran $*"\n')
    program.chmod(0o755)
    installed = tmp_path / ".installed"
    installed.touch()
    os.utime(installed, (2**32, 2**32))  # newer than pyproject.toml
    done = subprocess.run(
        ["make", "paper", f"VENV={tmp_path}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout.count("ran run experiments=paper/") == len(STUDIES) - 1
    assert f"(1 of {len(STUDIES)})" in done.stdout
    assert "got errors in lambda;" in done.stdout
    assert "ids claims" in done.stdout
    ran = [line for line in done.stdout.splitlines() if line.startswith("ran")]
    assert all(line.endswith(" size=demo launch=devices launch.workers=2") for line in ran)


def use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and data sets are looked for in the folder of a machine."""
    point_at(folder / "hub", folder / "torch" / "hub", monkeypatch)
    monkeypatch.setenv("IDS_DATA", str(folder / "data"))


def needs(name: str) -> list[str]:
    """What the head of a study names for the paper's size."""
    head = (ROOT / "experiments" / f"{name}.yaml").read_text()
    match = re.search(r"^# Needs: demo nothing; paper (.*)\.$", head, re.MULTILINE)
    assert match
    return match[1].split(", ")


@pytest.mark.parametrize(
    "name", [pytest.param(k, marks=() if k in KINDS else pytest.mark.slow) for k in STUDIES]
)
def test_the_doctor_names_all_that_a_study_needs(
    name: str,
    compose: Compose,
    paper_machine: "PaperMachine",
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A line per missing file, with a remedy; all are those of the head. Nothing is missing on a
    machine that has them.
    """
    monkeypatch.setattr("ids.doctor.presets.compose_all", compose)
    words = [f"experiments={name}", f"method={methods(name)[-1]}"]
    with monkeypatch.context() as nothing:
        use(tmp_path, nothing)
        assert examine_files([*words, "size=paper"]) == 1
    *listed, fetch, total = capsys.readouterr().out.splitlines()
    missing = [line for line in listed if "shapes classifier" not in line]  # of the package
    assert all(re.fullmatch(r"MISSING  [^;]+; .+", line) for line in missing)
    found = [next(need for need, file in FILES.items() if file in line) for line in missing]
    assert sorted(found) == sorted(needs(name))
    assert fetch.startswith("to fetch the weights: python scripts/fetch_weights.py experiments=")
    assert total == f"missing: {len(missing)} of {len(listed)} files"
    use(paper_machine.folder, monkeypatch)
    assert examine_files([*words, *paper_machine.words(name)]) == 0
    *present, total = capsys.readouterr().out.splitlines()
    assert all(line.startswith("found ") for line in present)
    assert total == "all files are found"


def test_a_folder_without_its_content_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(tmp_path, monkeypatch)
    data = tmp_path / "data"
    for name in ("cats/masks", "nerf_llff_data/leaves/images_4", "PIE-Bench"):
        (data / name).mkdir(parents=True)
    (data / "PIE-Bench" / "mapping_file.json").write_text("{}")
    words = ["dataset=paper_cat_to_pig,paper_llff,paper_pie", "backbone=sd14"]
    files = [file for _, file in needed_files(words, ["dataset"])]
    assert {file.what: file.found for file in files} == {
        "folder of images": False,
        "cameras of LLFF": False,
        "photos of LLFF": False,
        "table of PIE-Bench": True,
        "images of PIE-Bench": False,
    }
    assert all("dataset.path" in file.remedy for file in files)


def test_the_fast_check_of_a_study_that_chooses_its_backbone(compose: Compose) -> None:
    settings = compose(["experiments=paper/edit_size", "debug=fast"])
    assert {one.choices["backbone"] for one in settings} == {"gaussian"}


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_runs_in_small(in_process: InProcess, name: str) -> None:
    """On the exact world, where methods that read a network's features are not supported."""
    words = [f"experiments={name}", "debug=fast", "limit=1", "steps.n_steps=2", "controls=none"]
    if name == "paper/complexity":  # sweeps over the number of steps
        words.append("method.n_steps=2")
    if name == "paper/nerf_table":  # a small scene, hardly fitted
        words += ["representation.fit.n_steps=4", "representation.model.resolution=12"]
        words += ["dataset.n_views=5"]
    status, out, err = in_process("run", *words)
    assert "Traceback" not in err
    assert status == 0 or "expected a backbone" in err
    assert "gaussian" in out or "not supported" in err
