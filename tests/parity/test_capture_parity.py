"""The readers of captures against files of the formats' own programs, and wrong readers, which must
fail.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import capture_parity
import pytest
import torch
from capture_replay.geometry import geometry
from capture_replay.opened import Open, Opened, open_recorded, opener
from capture_replay.photos import photos
from capture_replay.truth import Truth, open_truth
from captures import GOLDEN
from metric_replay.lines import Line

from ids.captures.lens import Lens
from ids.core.camera import Camera
from ids.core.capture import Photo

Wrong = Callable[[Camera], Camera]


@pytest.fixture(scope="module")
def truth() -> Truth:
    return open_truth(GOLDEN)


@pytest.fixture(scope="module")
def open_folder() -> Open:
    return opener()


def test_everything_recorded_is_reproduced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["capture_parity.py", str(GOLDEN)])
    status = capture_parity.main()
    lines = capsys.readouterr().out.splitlines()
    other = [line for line in lines if " ok " not in line]
    assert [line for line in other if "/up " not in line or " skipped " not in line] == []
    assert status == 0
    assert sum(line.startswith("malformed/") for line in lines) == 59
    assert len({line.split("/")[1] for line in lines if line.startswith("unusual/")}) == 12


def _opened(truth: Truth, open_folder: Open, name: str) -> Opened:
    return open_recorded(next(r for r in truth.formats() if r.name == name), open_folder)


def _failed(lines: Iterator[Line]) -> set[str]:
    return {line.name.split("/")[2] for line in lines if line.status == "FAIL"}


def _half_pixel(camera: Camera) -> Camera:
    return replace(camera, cx=camera.cx - 0.5, cy=camera.cy - 0.5)


def _swapped_axes(camera: Camera) -> Camera:
    return replace(camera, c2w=camera.c2w[[0, 2, 1, 3]])


def _mirrored(camera: Camera) -> Camera:
    return replace(camera, c2w=camera.c2w * torch.tensor([-1.0, 1, 1, 1]))


def _square_pixels(camera: Camera) -> Camera:
    return replace(camera, fy=camera.fx)


def _centred(camera: Camera) -> Camera:
    return replace(camera, cx=camera.width / 2, cy=camera.height / 2)


def _too_far(camera: Camera) -> Camera:
    pose = camera.c2w.clone()
    pose[:3, 3] *= 1.02
    return replace(camera, c2w=pose)


@pytest.mark.parametrize(
    "wrong", [_half_pixel, _swapped_axes, _mirrored, _square_pixels, _centred, _too_far]
)
def test_a_wrong_camera_fails(truth: Truth, open_folder: Open, wrong: Wrong) -> None:
    opened = _opened(truth, open_folder, "orbit_pinhole/colmap_bin")
    assert not _failed(geometry(opened))
    spoilt = [replace(p, camera=wrong(p.camera)) for p in opened.capture.photos]
    assert "reprojection" in _failed(
        geometry(replace(opened, capture=replace(opened.capture, photos=spoilt)))
    )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda lens: lens.pinhole(),
        lambda lens: replace(lens, k1=-lens.k1, k2=-lens.k2),
        lambda lens: replace(lens, p1=lens.p2, p2=lens.p1),
        lambda lens: replace(lens, p1=0.0, p2=0.0),
    ],
)
def test_a_wrong_distortion_fails(
    truth: Truth, open_folder: Open, wrong: Callable[[Lens], Lens]
) -> None:
    opened = _opened(truth, open_folder, "mixed_cameras/colmap_txt")
    views = [replace(view, lens=wrong(view.lens)) for view in opened.found.views]
    spoilt = replace(opened, found=replace(opened.found, views=views))
    assert "distorted" in _failed(geometry(spoilt))


def test_photos_that_keep_their_distortion_fail(truth: Truth, open_folder: Open) -> None:
    opened = _opened(truth, open_folder, "orbit_simple_radial/nerfstudio")
    assert not _failed(photos(opened))
    bent = [
        replace(photo, image=replace(photo.image, lens=photo.image.lens.pinhole()))
        for photo in opened.capture.photos
    ]
    spoilt = replace(opened, capture=replace(opened.capture, photos=bent))
    assert "undistorted" in _failed(photos(spoilt))


def test_photos_of_other_cameras_fail(truth: Truth, open_folder: Open) -> None:
    opened = _opened(truth, open_folder, "orbit_pinhole/colmap_bin")
    images = [photo.image for photo in opened.capture.photos]
    exchanged: list[Photo] = [
        replace(photo, image=images[number - 1])
        for number, photo in enumerate(opened.capture.photos)
    ]
    spoilt = replace(opened, capture=replace(opened.capture, photos=exchanged))
    assert "own_photos" in _failed(photos(spoilt))


def test_a_recorded_truth_that_nothing_compares_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("truth.json", "truth.safetensors"):
        shutil.copy(GOLDEN / name, tmp_path)
    monkeypatch.setattr("sys.argv", ["capture_parity.py", str(tmp_path)])
    assert capture_parity.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert any("not compared" in line and "FAIL" in line for line in lines)
    assert any(line.startswith("orbit_blender/blender") and "FAIL" in line for line in lines)


def test_a_folder_without_truth_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["capture_parity.py", str(tmp_path)])
    assert capture_parity.main() == 2
    assert "truth.json" in capsys.readouterr().out
