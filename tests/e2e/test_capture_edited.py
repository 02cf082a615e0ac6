"""Captures from the command line: fitted, edited, resumed, and what is refused in one line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from captures import ring, write_transforms
from conftest import InProcess
from safetensors.torch import load_file

from ids.core.edit import SILENT
from ids.launch.viewed import viewed_scene
from ids.scenes.model import render_view

PROMPTS = ("dataset.prompt_src=a red square", "dataset.prompt_trg=a blue square")
CAPTURE = ("dataset=capture", "dataset.path=fox", "dataset.size=16", *PROMPTS)
COMMON = ("backbone=gaussian", "metrics=captures", "logger=none", "controls=none")
SMALL = (
    "representation=nerf",
    "representation.model.resolution=12",
    "representation.fit.n_rays=64",
    "representation.fit.n_steps=4",
)
DDS = ("method=dds", "method.n_steps=2")


def test_a_capture_is_fitted_edited_and_judged(in_process: InProcess) -> None:
    write_transforms(Path("fox"), ring(9), k1=0.1)
    status, out, err = in_process("run", *CAPTURE, *COMMON, *SMALL, *DDS)
    assert status == 0, err
    assert "fit fox: 4 steps, " in out + err
    assert "dB held out" in out + err
    for column in ("PSNR of fit (held out)", "PSNR (views)", "depth change", "warp error"):
        assert column in out
    (folder,) = Path("outputs/results").glob("*/*")
    status, out, _ = in_process("show", folder.name)
    assert status == 0
    named = {"scene": "scene.safetensors", "views": "views.png", "video": "path.png"}
    for name, file in named.items():
        assert f"\n{name:10}{folder}/{file}" in out
    assert 'representation.model = {"class": "Voxels"' in out
    scene = viewed_scene(Path("outputs"), folder.name[:8], SILENT)
    stored = load_file(folder / "scene.safetensors")
    for model, name in ((scene.edited, "after"), (scene.unedited, "before")):
        view = render_view(model, scene.capture.photos[0].camera).image
        assert torch.allclose(view.clamp(0, 1), stored[name][0] / 255, atol=0.51 / 255)
    status, out, err = in_process("run", *CAPTURE, *COMMON, *SMALL, "method=null_edit")
    assert status == 0, err
    assert "fit fox" not in out + err  # another edit of the same capture starts from the same fit


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((*CAPTURE, *DDS), "a single photo; add representation=nerf"),
        ((*CAPTURE, *SMALL, "method=sdedit"), "expected a method that edits scenes"),
        ((*CAPTURE, *SMALL, "method=true_edit"), "latents (TrueEdit), which scenes lack"),
        ((*CAPTURE, *SMALL, *DDS, "finish=displacement_mask"), "latents (Finished), which scenes"),
        (("dataset=shapes", *SMALL, *DDS), "use dataset=capture or dataset=scene_shapes"),
        (
            ("dataset=capture", "dataset.path=nowhere", *PROMPTS, *SMALL, *DDS),
            "dataset.path nowhere: expected a capture; found none",
        ),
        (
            ("dataset=capture", "dataset.path=fox", PROMPTS[0], *SMALL, *DDS),
            "dataset.prompt_trg: expected",
        ),
        (("dataset=capture", "dataset.path=fish", *PROMPTS, *SMALL, *DDS), "OPENCV_FISHEYE"),
    ],
)
def test_one_line_before_any_work(
    in_process: InProcess, words: tuple[str, ...], expected: str
) -> None:
    write_transforms(Path("fox"), ring())
    write_transforms(Path("fish"), ring(), camera_model="OPENCV_FISHEYE", k1=0.1)
    status, out, err = in_process("run", *COMMON, *words)
    lines = [line for line in (out + err).splitlines() if expected in line]
    assert status != 0
    assert len(lines) == 1, out + err
    assert "Traceback" not in err
    assert not list(Path().glob("outputs/scenes/*"))


@pytest.mark.slow
def test_a_killed_fit_goes_on_from_its_checkpoint(in_process: InProcess) -> None:
    """SIGKILL during the fit: the rerun does the steps that are left, and ends as a whole run."""
    write_transforms(Path("fox"), ring(9))
    words = ["run", *CAPTURE, *COMMON, *SMALL[:-1], *DDS, "representation.fit.checkpoint_every=5"]
    words += ["representation.fit.n_steps=200"]
    file = killed(words, "*.safetensors")
    assert 0 < step_of(file) < 200
    check_continued(in_process, words)
    assert step_of(file) == 200


@pytest.mark.slow
def test_a_killed_edit_goes_on_from_its_checkpoint(in_process: InProcess) -> None:
    """The same during the edit, whose checkpoint is removed at its end."""
    write_transforms(Path("fox"), ring(9))
    words = ["run", *CAPTURE, *COMMON, *SMALL, "method=dds", "method.n_steps=60"]
    words += ["representation.editing.checkpoint_every=7"]
    file = killed(words, "edit-*.safetensors")
    assert 0 < step_of(file) < 60
    check_continued(in_process, words)
    assert not file.exists()


def killed(words: list[str], pattern: str) -> Path:
    """Run until a file of that name is among the scenes, and end by SIGKILL; the file."""
    child = subprocess.Popen([sys.executable, "-m", "ids.cli", *words], env=os.environ)
    deadline = time.monotonic() + 240
    while not list(Path("outputs/scenes").glob(pattern)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert child.poll() is None
    child.kill()
    assert child.wait() == -signal.SIGKILL
    (file,) = Path("outputs/scenes").glob(pattern)
    return file


def check_continued(in_process: InProcess, words: list[str]) -> None:
    """Run again; the scene is that of a whole run, byte for byte."""
    status, _, err = in_process(*words)
    assert status == 0, err
    status, _, err = in_process(*words, "output_dir=whole")
    assert status == 0, err
    (one,) = Path("outputs/results").glob("*/*/scene.safetensors")
    (other,) = Path("whole/results").glob("*/*/scene.safetensors")
    assert one.read_bytes() == other.read_bytes()


def step_of(file: Path) -> int:
    """The step after which a checkpoint was written."""
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        return int(opened.metadata()["step"])
