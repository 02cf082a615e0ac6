"""The training program: every stage, interrupted and resumed, to a folder that edits images."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from ids.backbones import StableDiffusion

STAGES = ("vae", "unet", "classifier", "clip")
QUICK = [word for stage in STAGES for word in (f"--minutes-{stage}", "0.02")]
QUICK += ["--samples", "12"]


def train(work: Path, *words: str) -> str:
    program = [sys.executable, str(ROOT / "scripts" / "train_shapes.py"), "--scenes", "1000"]
    done = subprocess.run(
        [*program, "--work", str(work), "--out", str(work / "out"), *QUICK, *words],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_stage_and_a_resume(tmp_path: Path) -> None:
    train(tmp_path, "--stages", "vae")
    before = (tmp_path / "vae.pt").read_bytes()
    output = train(tmp_path)
    assert (tmp_path / "vae.pt").read_bytes() == before
    assert "PSNR" in output
    assert "drawn as in the prompt: fill, 12 samples" in output
    assert "CLIP: right one of 36 captions first" in output
    assert (tmp_path / "out" / "samples.png").is_file()
    assert len(StableDiffusion(str(tmp_path / "out")).identity()["weights"]) == 16


@pytest.mark.slow
def test_the_wide_networks(tmp_path: Path) -> None:
    """From the shipped ones, interrupted after the UNet."""
    wide = ("--wide", "--minutes-wide", "0.02", "--scenes-wide", "1000")
    train(tmp_path, *wide, "--stages", "unet")
    before = (tmp_path / "wide" / "wide.pt").read_bytes()
    output = train(tmp_path, *wide)
    assert (tmp_path / "wide" / "wide.pt").read_bytes() == before
    assert "drawn as in a wide prompt: background, 12 samples" in output
    assert len(StableDiffusion(str(tmp_path / "out_wide")).identity()["weights"]) == 16
