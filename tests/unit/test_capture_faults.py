"""Damaged and hostile captures: a `DataError` each, nothing else, and nothing outside is opened."""

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from captures import GOLDEN, ring, write_photo, write_transforms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ids.captures import CaptureFolder, open_capture, read_gaussians
from ids.captures.colmap_binary import read_binary_model, read_binary_points
from ids.captures.colmap_text import read_text_model
from ids.captures.ply import read_cloud
from ids.core.errors import DataError

MODEL = GOLDEN / "unusual" / "colmap_extra_photos" / "sparse" / "0"
TEXT = GOLDEN / "unusual" / "colmap_names_with_spaces_text" / "sparse" / "0"
FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin", "points3D.bin"])
def test_a_model_cut_at_any_byte_is_refused(tmp_path: Path, name: str) -> None:
    for file in MODEL.glob("*.bin"):
        shutil.copyfile(file, tmp_path / file.name)
    whole = (MODEL / name).read_bytes()
    for end in range(0, len(whole), 3):
        (tmp_path / name).write_bytes(whole[:end])
        with pytest.raises(DataError, match="ends early"):
            _read(tmp_path, name)


def _read(folder: Path, name: str) -> None:
    if name == "points3D.bin":
        read_binary_points(folder / name)
    else:
        read_binary_model(folder)


@FUZZ
@given(st.data())
def test_changed_bytes_of_a_model_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["cameras.bin", "images.bin", "points3D.bin"]))
    for file in MODEL.glob("*.bin"):
        shutil.copyfile(file, tmp_path / file.name)
    (tmp_path / name).write_bytes(_changed(MODEL / name, data))
    _read_or_refuse(lambda: _read(tmp_path, name))


@FUZZ
@given(st.data())
def test_changed_characters_of_a_model_are_read_or_refused(
    tmp_path: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["cameras.txt", "images.txt"]))
    for file in TEXT.glob("*.txt"):
        shutil.copyfile(file, tmp_path / file.name)
    (tmp_path / name).write_bytes(_changed(TEXT / name, data))
    _read_or_refuse(lambda: read_text_model(tmp_path))


@FUZZ
@given(st.data())
def test_changed_bytes_of_points_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    source = GOLDEN / "malformed" / "ply_points_only" / "point_cloud.ply"
    (tmp_path / "points.ply").write_bytes(_changed(source, data))
    _read_or_refuse(lambda: read_cloud(tmp_path / "points.ply"))
    _read_or_refuse(lambda: read_gaussians(tmp_path / "points.ply"))


def _changed(file: Path, data: st.DataObject) -> bytes:
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    return bytes(content[: data.draw(st.integers(1, len(content)))])


def _read_or_refuse(read: Any) -> None:
    with suppress(DataError):  # of one line, as every error of ours
        read()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"fl_x": 10**400}, "fl_x"),
        ({"fl_x": "20"}, "fl_x"),
        ({"fl_x": True}, "fl_x"),
        ({"fl_x": -3}, "focal length above 0"),
        ({"w": 24.5}, "whole pixels"),
        ({"w": 10**30}, "whole pixels"),
        ({"k3": 0.1}, "k3"),
        ({"k1": None}, "k1"),
        ({"camera_model": "OPENCV_FISHEYE"}, "OPENCV_FISHEYE"),
        ({"camera_model": 5}, "camera_model"),
        ({"ply_file_path": "../points.ply"}, "leads out"),
        ({"ply_file_path": 3}, "ply_file_path"),
        ({"train_filenames": "all"}, "train_filenames"),
    ],
)
def test_settings_are_checked(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    folder = write_transforms(tmp_path / "scene", ring(), **change)
    (tmp_path / "points.ply").write_text("outside")
    with pytest.raises(DataError, match=named) as caught:
        open_capture(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"file_path": "../outside.png"}, "leads out"),
        ({"file_path": "images/link.png"}, "leads out"),
        ({"file_path": "/etc/hostname"}, "relative to the folder"),
        ({"file_path": "~/photo.png"}, "relative to the folder"),
        ({"file_path": "images/\0.png"}, "the name of a photo"),
        ({"file_path": 3}, "the name of a photo"),
        ({"file_path": None}, "the name of a photo"),
        ({"mask_path": "../outside.png"}, "leads out"),
        ({"transform_matrix": None}, "4x4"),
        ({"transform_matrix": [[1, 2], [3]]}, "4x4"),
        ({"transform_matrix": (10 * np.eye(4)).tolist()}, "scaled by 10"),
        ({"transform_matrix": [[10**400] * 4] * 4}, "4x4"),
        ({"transform_matrix": "0" * 16}, "4x4"),
    ],
)
def test_frames_are_checked(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    folder = write_transforms(tmp_path / "scene", ring())
    write_photo(tmp_path / "outside.png")
    (folder / "images" / "link.png").symlink_to(tmp_path / "outside.png")
    content = json.loads((folder / "transforms.json").read_text())
    content["frames"][1].update(change)
    (folder / "transforms.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=named) as caught:
        open_capture(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"frames": 3}', b'{"frames": [3]}', b"\xff\xfe"])
def test_other_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "transforms.json").write_bytes(content)
    with pytest.raises(DataError, match=r"transforms\.json"):
        open_capture(tmp_path)


def test_every_fault_is_listed(tmp_path: Path) -> None:
    """The first fault is the error; the others are counted."""
    folder = write_transforms(tmp_path, ring())
    content = json.loads((folder / "transforms.json").read_text())
    content["frames"][1]["transform_matrix"] = None
    content["frames"][3]["file_path"] = "../x.png"
    (folder / "transforms.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"01\.png.*further faults: 1"):
        open_capture(folder)


@pytest.mark.parametrize(
    "values", [{"held_out_every": 1}, {"held_out_every": -1}, {"multiple": 0}, {"size": 0}]
)
def test_values_are_checked(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=rf"dataset\.{next(iter(values))}"):
        CaptureFolder(**{"path": "x", "size": 64, **values})


@pytest.mark.parametrize("images", ["../other", "/etc"])
def test_the_folder_of_photos_is_inside(tmp_path: Path, images: str) -> None:
    shutil.copytree(MODEL.parent.parent, tmp_path / "scene")
    folder = CaptureFolder(str(tmp_path / "scene"), None, images=images)
    with pytest.raises(DataError, match=r"dataset\.images"):
        _ = folder.capture


def test_a_header_cannot_claim_memory(tmp_path: Path) -> None:
    header = np.lib.format.header_data_from_array_1_0(np.zeros((1, 17)))
    header["shape"] = (2**50, 17)
    with (tmp_path / "poses_bounds.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match="poses_bounds"):
        open_capture(tmp_path)
