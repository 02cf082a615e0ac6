"""Poses, lenses, splits and photos of captures."""

import json
import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from captures import FOCAL, HEIGHT, WIDTH, Array, look_at, ring, write_transforms
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ids.captures import CaptureFolder, Reading, open_capture
from ids.captures.lens import Lens, undistorted
from ids.captures.photos import working_size
from ids.captures.poses import FLIP, checked_pose, pose_of_colmap, pose_of_llff, rotation_of
from ids.core.capture import Capture
from ids.core.errors import DataError
from ids.images import from_png

NUMBERS = st.floats(-10, 10, allow_nan=False)
QUATERNIONS = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)
BENT = Lens(40, 30, 33.0, 31.0, 19.0, 16.0, k1=0.12, k2=-0.03, p1=0.006, p2=-0.004)


def _pose(quaternion: tuple[float, ...], centre: tuple[float, ...]) -> Array:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation_of(quaternion), centre
    return pose


@settings(max_examples=50, deadline=None)
@given(QUATERNIONS, st.tuples(NUMBERS, NUMBERS, NUMBERS), st.sampled_from([1, -1]))
def test_poses_survive_the_formats(
    quaternion: tuple[float, ...], centre: tuple[float, ...], sign: int
) -> None:
    """The same camera, as COLMAP, LLFF and transforms.json write it, is read alike."""
    unit = sign * np.array(quaternion) / np.linalg.norm(quaternion)
    w2c = _pose(tuple(unit), centre)
    c2w = np.linalg.inv(w2c) @ FLIP
    assert np.allclose(pose_of_colmap(list(unit), list(centre), "x"), c2w, atol=1e-9)
    right, up, back, position = c2w[:3].T
    llff = np.stack([-up, right, back, position], axis=1)
    assert np.allclose(pose_of_llff(llff, "x"), c2w, atol=1e-9)
    assert np.allclose(checked_pose(c2w.tolist(), "x"), c2w, atol=1e-9)
    assert np.allclose(checked_pose(c2w[:3], "x"), c2w, atol=1e-9)


def test_an_undistorted_photo_shows_what_the_lens_bent() -> None:
    """On a photo whose values are its coordinates, each pixel shows where it was taken from."""
    x, y = np.meshgrid(np.arange(BENT.width) + 0.5, np.arange(BENT.height) + 0.5)
    pixels = np.stack((5 * x, 5 * y, 0 * x), axis=-1).round().astype(np.uint8)
    found = undistorted(pixels, BENT)[..., :2] / 5
    inside = BENT.covered()
    assert 0.7 < inside.mean() < 1
    wanted = np.clip(BENT.sources(), 0.5, [BENT.width - 0.5, BENT.height - 0.5])
    assert abs(found - wanted)[inside].max() < 0.25
    assert abs(wanted - np.stack((x, y), axis=-1)).max() >= 1


def test_sources_are_projections_of_the_pinhole_rays() -> None:
    x, y = np.meshgrid(np.arange(BENT.width) + 0.5, np.arange(BENT.height) + 0.5)
    rays = np.stack(((x - BENT.cx) / BENT.fx, (y - BENT.cy) / BENT.fy, np.ones_like(x)), axis=-1)
    assert np.allclose(BENT.project(rays), BENT.sources())
    assert np.allclose(BENT.pinhole().project(rays), np.stack((x, y), axis=-1))


@pytest.mark.parametrize(
    ("size", "side", "multiple", "wanted"),
    [
        ((1008, 756), 512, 64, (704, 512)),
        ((1008, 756), 512, 8, (680, 512)),
        ((216, 384), None, 1, (216, 384)),
        ((216, 384), 128, 8, (128, 224)),
        ((10, 2000), 4, 8, (8, 800)),
    ],
)
def test_working_sizes(
    size: tuple[int, int], side: int | None, multiple: int, wanted: tuple[int, int]
) -> None:
    assert working_size(size, side, multiple) == wanted


def test_the_world_is_upright_and_of_size_one(tmp_path: Path) -> None:
    """Whatever the frame of the files: here it is turned, shifted and scaled."""
    turn = np.eye(4)
    turn[:3, :3] = rotation_of((0.3, -0.8, 0.5, 0.1))
    poses = []
    for pose in ring():
        moved = turn @ pose
        moved[:3, 3] = 7 * moved[:3, 3] + [100, -40, 3]
        poses.append(moved)
    capture = open_capture(write_transforms(tmp_path, poses))
    centres = torch.stack([photo.camera.centre for photo in capture.photos])
    assert float(centres.norm(dim=-1).max()) == pytest.approx(1, abs=1e-5)
    assert torch.allclose(centres[:, 2], centres[0, 2], atol=1e-5)  # the ring is level
    assert float(centres[0, 2]) > 0
    target = torch.tensor([[100.0, -40.0, 3.0]]).double()
    assert torch.allclose(capture.from_file(target), torch.zeros(1, 3).double(), atol=1e-5)
    back = capture.from_file.inverse()(centres)
    assert np.allclose(back.numpy(), np.stack(poses)[:, :3, 3], atol=1e-4)


def test_a_camera_is_resized_as_its_photo_is(tmp_path: Path) -> None:
    """The ratios of the two sides differ where both are rounded to a multiple."""
    folder = write_transforms(tmp_path, ring(), cx=11.0, cy=9.0)
    point = torch.tensor([[0.1, 0.2, 0.3]]).double()
    whole, small = open_capture(folder), open_capture(folder, Reading(size=10, multiple=4))
    for before, after in zip(whole.photos, small.photos, strict=True):
        assert after.image.load().shape[1:] == (after.camera.height, after.camera.width) == (8, 16)
        pixel, _ = before.camera.project(whole.from_file(point).float())
        other, _ = after.camera.project(small.from_file(point).float())
        assert torch.allclose(pixel * torch.tensor([16 / WIDTH, 8 / HEIGHT]), other, atol=1e-4)


def test_photos_are_reduced_by_area(tmp_path: Path) -> None:
    capture = open_capture(write_transforms(tmp_path, ring()), Reading(size=8, multiple=1))
    pixels = from_png(tmp_path / "images" / "00.png")
    wanted = pixels.unfold(1, 2, 2).unfold(2, 2, 2).mean(dim=(-1, -2))
    assert torch.allclose(capture.photos[0].image.load(), wanted, atol=0.51 / 255)


def test_every_eighth_photo_is_held_out(tmp_path: Path) -> None:
    folder = write_transforms(tmp_path, ring(17))
    assert _held_out(open_capture(folder)) == ["00.png", "08.png", "16.png"]
    assert _held_out(open_capture(folder, Reading(held_out_every=0))) == []


def test_the_split_of_a_file_wins(tmp_path: Path) -> None:
    names = [f"images/{number:02}.png" for number in range(6)]
    lists = {"train_filenames": names[:4], "val_filenames": names[4:]}
    folder = write_transforms(tmp_path, ring(), **lists)
    assert _held_out(open_capture(folder)) == ["04.png", "05.png"]


def _held_out(capture: Capture) -> list[str]:
    return [photo.name for photo in capture.photos if photo.is_held_out]


def test_missing_photos(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Refused; left out of a file of instant-ngp, with their number; never all of them."""
    folder = write_transforms(tmp_path, ring())
    (folder / "images" / "01.png").unlink()
    (folder / "images" / "04.png").unlink()
    with pytest.raises(DataError, match=r"01\.png.*further faults: 1"):
        open_capture(folder)
    content = json.loads((folder / "transforms.json").read_text())
    (folder / "transforms.json").write_text(json.dumps({**content, "aabb_scale": 4}))
    with caplog.at_level(logging.WARNING):
        assert len(open_capture(folder).photos) == 4
    assert "2 listed photos are missing and left out" in caplog.text
    with pytest.raises(DataError, match=r"01\.png"):
        open_capture(folder, Reading(missing="refuse"))
    for file in (folder / "images").iterdir():
        file.unlink()
    with pytest.raises(DataError, match="further faults: 5"):
        open_capture(folder)


def test_masks_follow_their_photos(tmp_path: Path) -> None:
    folder = write_transforms(tmp_path, ring(), k1=0.3, cx=12.0, cy=8.0)
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask[:, WIDTH // 2 :] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    content = json.loads((folder / "transforms.json").read_text())
    content["frames"][0]["mask_path"] = "mask.png"
    (folder / "transforms.json").write_text(json.dumps(content))
    first, second = open_capture(folder, Reading(size=8, multiple=4)).photos[:2]
    assert first.mask is not None
    assert second.mask is None
    marked = first.mask.load()
    assert marked.shape == (3, 8, 12)
    assert set(marked.unique().tolist()) == {0.0, 1.0}
    assert marked[:, :, 7:].all()
    assert not marked[:, :, :5].any()
    covered = first.covered
    assert covered is not None  # the corners of this lens lie outside its photo
    assert not covered.load()[0, 0, 0]
    assert covered.load()[0, 4, 6]


def test_the_case_is_the_capture(tmp_path: Path) -> None:
    folder = write_transforms(tmp_path / "fox", ring())
    data = CaptureFolder(str(folder), None, "a fox", "a wolf", multiple=1)
    case = data[0]
    assert (len(data), case.id, data.name) == (1, "fox", "capture:fox")
    assert torch.equal(case.source.load(), from_png(folder / "images" / "00.png"))
    write_transforms(folder, [look_at(np.array([2.0, 0.1, 1.0])), *ring()[1:]])
    other = CaptureFolder(str(folder), None, "a fox", "a wolf", multiple=1)
    assert other[0].digest != case.digest
    again = CaptureFolder(str(folder), None, "a fox", "a wolf", multiple=1)
    assert again[0].digest == other[0].digest
    with pytest.raises(DataError, match=r"dataset\.prompt_trg"):
        _ = replace(data, prompt_trg="")[0]


def test_two_formats_in_one_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "sparse" / "0").mkdir(parents=True)
    (tmp_path / "sparse" / "0" / "images.bin").write_bytes(b"")
    np.save(tmp_path / "poses_bounds.npy", np.zeros((2, 17)))
    with pytest.raises(DataError, match=r"llff and colmap; name one in dataset\.format"):
        open_capture(tmp_path)


def test_forward_facing_cameras_without_a_common_point(tmp_path: Path) -> None:
    """Parallel axes meet nowhere: the cameras themselves are around the origin."""
    poses = [look_at(np.array([3.0, y, 0.0]), np.array([0.0, y, 0.0])) for y in (-1.0, 0.0, 1.0)]
    capture = open_capture(write_transforms(tmp_path, poses))
    centres = torch.stack([photo.camera.centre for photo in capture.photos])
    assert torch.allclose(centres.mean(dim=0), torch.zeros(3), atol=1e-6)
    assert float(centres.norm(dim=-1).max()) == pytest.approx(1, abs=1e-5)


def test_one_camera_is_a_capture(tmp_path: Path) -> None:
    capture = open_capture(write_transforms(tmp_path, ring(1)))
    assert capture.from_file.scale == 1
    assert capture.photos[0].camera.fx == FOCAL


@pytest.mark.skipif("IDS_CAPTURE" not in os.environ, reason="IDS_CAPTURE names no capture")
def test_a_real_capture_is_read() -> None:
    """`IDS_CAPTURE=FOLDER`: a capture of one's own."""
    capture = open_capture(os.environ["IDS_CAPTURE"], Reading(size=96, multiple=8))
    shapes = {tuple(photo.image.load().shape) for photo in capture.photos[:3]}
    assert shapes == {(3, p.camera.height, p.camera.width) for p in capture.photos[:3]}
    centres = torch.stack([photo.camera.centre for photo in capture.photos])
    assert float(centres.norm(dim=-1).max()) == pytest.approx(1, abs=1e-4)
