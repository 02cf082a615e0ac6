"""Scenes from the command line: fitted, edited, kept and judged."""

from pathlib import Path

import pytest
import torch
from conftest import InProcess
from safetensors.torch import load_file

WORDS = (
    "run",
    "representation=nerf",
    "dataset=scene_shapes",
    "limit=1",
    "metrics=scenes",
    "logger=none",
    "engine.device=cpu",
    "dataset.n_views=10",
    "representation.model.resolution=32",
    "representation.fit.n_steps=60",
    "representation.fit.n_rays=512",
)


@pytest.mark.slow
def test_a_scene_is_fitted_edited_kept_and_judged(in_process: InProcess, tmp_path: Path) -> None:
    words = [*WORDS, "method=ids", "method.n_steps=6", "controls=none"]
    status, out, err = in_process(*words)
    assert status == 0, err
    for column in ("depth change", "PSNR bg (views)", "CLIP (views)"):
        assert column in out
    (folder,) = (tmp_path / "outputs" / "results").glob("*/*")
    kept = {file.name for file in folder.iterdir() if not file.name.startswith("metrics-")}
    names = {"job.json", "edit.png", "edit.safetensors"}
    assert kept == names | {"scene.safetensors", "views.png", "path.png"}
    scene = load_file(folder / "scene.safetensors")
    assert scene["after"].shape == (10, 3, 64, 64)
    assert not torch.equal(scene["after"], scene["before"])
    assert len(list((tmp_path / "outputs" / "scenes").iterdir())) == 1
    status, out, err = in_process(*words)
    assert status == 0
    assert "1 edits exist already" in out + err


@pytest.mark.slow
def test_an_image_is_refused_in_one_line(in_process: InProcess) -> None:
    status, out, err = in_process(
        "run", "representation=nerf", "method=dds", "controls=none", "logger=none", "limit=1"
    )
    assert status != 0
    assert "dataset: expected scenes for this representation; got images" in out + err
