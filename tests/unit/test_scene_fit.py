"""Fitting: quality, resume after a kill, damaged checkpoints, bad captures."""

import errno
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diorama import CAPTURE, CASE, FIT, fitted, held_out_psnr

from ids.core.errors import ConfigError, DataError
from ids.representations import SceneEditing, Scenes
from ids.scenes.checkpoint import read_checkpoint, sweep, write_tensors
from ids.scenes.fit import Fit, FitReport
from ids.scenes.model import render_view
from ids.scenes.voxels import Voxels


def test_a_fit_shows_held_out_views_and_their_distances() -> None:
    grid = fitted()
    assert held_out_psnr(grid, CAPTURE) > 20
    view = render_view(grid, CAPTURE.photos[4].camera)
    assert view.opacity.min() > 0.4
    assert view.image.shape == (3, 32, 32)


def test_a_killed_fit_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    """SIGKILL between two checkpoints: the tensors are those of a fit that was never cut."""
    file = tmp_path / "scene.safetensors"
    if (child := os.fork()) == 0:
        FIT(Voxels(24, 24)(CAPTURE), CAPTURE, file, "scene", lambda _: time.sleep(0.01))
        os._exit(0)
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    steps: list[FitReport] = []
    grid = Voxels(24, 24)(CAPTURE)
    FIT(grid, CAPTURE, file, "scene", steps.append)
    assert 0 < len(steps) < FIT.n_steps
    assert steps[-1] == (FIT.n_steps, pytest.approx(held_out_psnr(grid, CAPTURE)))
    for name, value in fitted().state_dict().items():
        assert torch.equal(grid.state_dict()[name], value), name
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_what_a_kill_leaves_of_a_write_is_removed_by_the_next_command(tmp_path: Path) -> None:
    """SIGKILL in the middle of writing a checkpoint; a living process keeps what it writes."""
    file = tmp_path / "scene.safetensors"
    pipe, done = os.pipe()
    if (child := os.fork()) == 0:
        os.fsync = lambda _: (os.write(done, b"."), time.sleep(60))  # type: ignore[assignment, return-value]
        write_tensors(file, {"x": torch.zeros(3)}, 1, "scene")
    os.read(pipe, 1)
    sweep(tmp_path)
    assert [path.name for path in tmp_path.rglob("scene*")] != []
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_processes_fit_a_scene_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The second one waits for the first, and reads what it has fitted."""
    device = torch.device("cpu")
    folder, begun = tmp_path / "scenes", tmp_path / "begun"
    scenes = Scenes(Voxels(24, 24), replace(FIT, n_steps=20), folder=str(folder))
    steps: list[int] = []

    def slow(what: str, done: int, total: int, state: str = "") -> None:
        begun.touch()  # it holds the lock
        time.sleep(0.1)

    if (child := os.fork()) == 0:
        scenes.fitted(CASE, CAPTURE, device, SimpleNamespace(prepared=slow))
        os._exit(0)
    while not begun.exists():
        time.sleep(0.005)
    heard = SimpleNamespace(prepared=lambda what, done, total, state="": steps.append(done))
    model = scenes.fitted(CASE, CAPTURE, device, heard)
    assert os.waitpid(child, 0)[1] == 0
    assert steps == []
    assert caplog.text.count(f"waiting for the fit of {CASE.id} by another process") == 1
    again = Scenes(scenes.model, scenes.fit).fitted(CASE, CAPTURE, device)
    assert all(torch.equal(x, again.state_dict()[n]) for n, x in model.state_dict().items())
    assert [path.suffix for path in folder.iterdir()] == [".safetensors"]


def test_a_folder_that_takes_no_files_is_one_line_before_the_fit(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    often = SceneEditing(checkpoint_every=1)
    scenes = Scenes(Voxels(24, 24), FIT, often, folder=str(tmp_path / "file" / "scenes"))
    never = SimpleNamespace(prepared=lambda *_: pytest.fail("fitted"))
    with pytest.raises(ConfigError, match="scenes: expected a folder that takes files; Not a dir"):
        scenes.fitted(CASE, CAPTURE, torch.device("cpu"), never)
    with pytest.raises(ConfigError, match="scenes: expected a folder that takes files; Not a dir"):
        scenes.checkpoints("edit")


def test_a_finished_fit_is_not_repeated(tmp_path: Path) -> None:
    file, fit = tmp_path / "scene.safetensors", replace(FIT, n_steps=2)
    first = Voxels(24, 24)(CAPTURE)
    fit(first, CAPTURE, file, "scene")
    written = file.stat().st_mtime_ns
    again = Voxels(24, 24)(CAPTURE)
    fit(again, CAPTURE, file, "scene")
    assert torch.equal(first.density, again.density)
    assert file.stat().st_mtime_ns == written


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_wrong_checkpoint_is_one_line(tmp_path: Path, damage: str) -> None:
    file, fit = tmp_path / "scene.safetensors", replace(FIT, n_steps=1)
    fit(Voxels(24, 24)(CAPTURE), CAPTURE, file, "scene")
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(
        DataError, match=r"scene.safetensors: expected a checkpoint of .*; remove it"
    ) as e:
        fit(Voxels(24, 24)(CAPTURE), CAPTURE, file, "scene" if damage == "cut" else "another")
    assert "\n" not in str(e.value)


def test_bad_captures_are_one_line() -> None:
    none = replace(CAPTURE, photos=[replace(p, is_held_out=True) for p in CAPTURE.photos])
    with pytest.raises(DataError, match="expected photos to fit"):
        FIT(fitted(), none)
    camera = CAPTURE.photos[0].camera.resized(16, 16)
    wrong = replace(CAPTURE, photos=[replace(CAPTURE.photos[0], camera=camera)])
    with pytest.raises(DataError, match=r"000: expected an image of 16x16 pixels.*got 32x32"):
        FIT(fitted(), wrong)
    with pytest.raises(ValueError, match=r"fit.n_rays: expected 1 or more; got 0"):
        Fit(n_rays=0)


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error keeps its number, by which a full disk is recognized; no part of a file stays."""
    file, tensors = tmp_path / "scene.safetensors", {"model.x": torch.ones(3)}
    write_tensors(file, tensors, 1, "scene")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_tensors(file, tensors, 2, "scene")
    found = read_checkpoint(file, "scene")
    assert found is not None
    assert found.step == 1
    assert list(tmp_path.iterdir()) == [file]
