"""What nerfstudio exports of a trained model: read, or refused in one line with the remedy."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captures import GOLDEN, ring, write_transforms

from ids.captures import open_capture, read_gaussians, read_model_frame
from ids.core.errors import DataError

SPLAT = GOLDEN / "captures" / "orbit_pinhole" / "gaussians" / "gsplat_deg1.ply"
TURN = [[0.0, -1.0, 0.0, 0.5], [1.0, 0.0, 0.0, -2.0], [0.0, 0.0, 1.0, 0.25]]


def write_ply(file: Path, kinds: dict[str, str], count: int) -> None:
    """Numbers 0, 1, 2, ... in a binary file."""
    names = {"f4": "float", "f8": "double", "u1": "uchar"}
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    header += [f"property {names[kind]} {name}" for name, kind in kinds.items()]
    rows = np.zeros(count, dtype=[(name, f"<{kind}") for name, kind in kinds.items()])
    for number, name in enumerate(kinds):
        rows[name] = np.arange(count) * len(kinds) + number
    file.write_bytes("\n".join([*header, "end_header", ""]).encode() + rows.tobytes())


def test_gaussians_are_taken_back_to_the_world_of_the_data(tmp_path: Path) -> None:
    """p_model = scale * (R p + t), written as the dataparser writes it."""
    file = tmp_path / "dataparser_transforms.json"
    file.write_text(json.dumps({"transform": TURN, "scale": 0.3}))
    frame, data = read_model_frame(file), torch.tensor([[1.0, 2.0, 3.0]]).double()
    expected = 0.3 * torch.tensor([[-2 + 0.5, 1 - 2.0, 3 + 0.25]]).double()
    torch.testing.assert_close(frame(data), expected)
    cloud = read_gaussians(SPLAT)
    back = cloud.moved(frame).moved(frame.inverse())
    torch.testing.assert_close(back.means, cloud.means, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(back.scales, cloud.scales, atol=1e-6, rtol=1e-5)


def test_a_point_cloud_starts_a_capture(tmp_path: Path) -> None:
    """`ns-export pointcloud`: positions and normals in double precision, colours in bytes."""
    positions = dict.fromkeys(("x", "y", "z", "nx", "ny", "nz"), "f8")
    folder = write_transforms(tmp_path / "scene", ring(), ply_file_path="point_cloud.ply")
    colours = {"red": "u1", "green": "u1", "blue": "u1"}
    write_ply(folder / "point_cloud.ply", positions | colours, 5)
    capture = open_capture(folder)
    world = capture.from_file.inverse()(capture.points.double())
    torch.testing.assert_close(
        world[1], torch.tensor([9.0, 10.0, 11.0]).double(), atol=1e-4, rtol=1e-5
    )
    torch.testing.assert_close(capture.colours[1], torch.tensor([15.0, 16.0, 17.0]) / 255)
    with pytest.raises(DataError, match="points, not Gaussians; export the Gaussians"):
        read_gaussians(folder / "point_cloud.ply")


def test_gaussians_with_plain_colours_are_refused(tmp_path: Path) -> None:
    names = ("x", "y", "z", "opacity", "scale_0", "scale_1", "scale_2")
    names += ("rot_0", "rot_1", "rot_2", "rot_3")
    colours = {"red": "u1", "green": "u1", "blue": "u1"}
    write_ply(tmp_path / "splat.ply", dict.fromkeys(names, "f4") | colours, 3)
    with pytest.raises(DataError, match="export them with spherical harmonics"):
        read_gaussians(tmp_path / "splat.ply")


@pytest.mark.parametrize(
    ("name", "content", "got"),
    [
        ("transforms_train.json", [{"file_path": "/a.png", "transform": TURN}], "no focal length"),
        ("dataparser_transforms.json", {"transform": TURN, "scale": 1}, "the frame of a model"),
    ],
)
def test_poses_without_focal_lengths_are_refused(
    tmp_path: Path, name: str, content: Any, got: str
) -> None:
    file = tmp_path / name
    file.write_text(json.dumps(content))
    path = tmp_path if name.startswith("transforms") else file
    with pytest.raises(DataError, match=f"{got}.*; name the folder of transforms.json") as caught:
        open_capture(path)
    assert "\n" not in str(caught.value)


def test_checkpoints_are_refused_unread(tmp_path: Path) -> None:
    """A file, and the folder of a training run."""
    models = tmp_path / "run" / "nerfstudio_models"
    models.mkdir(parents=True)
    (tmp_path / "run" / "config.yml").write_text("!!python/object:x {}")
    (models / "step-000029999.ckpt").write_bytes(b"never opened")
    for path in (tmp_path / "run", models / "step-000029999.ckpt"):
        with pytest.raises(DataError, match="a checkpoint of a model, whose pickle could run code"):
            open_capture(path)


@pytest.mark.parametrize(
    "content",
    [[], {"scale": 1.0}, {"transform": TURN}, {"transform": TURN, "scale": 0}, {"transform": 3}],
)
def test_another_file_is_no_frame_of_a_model(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "dataparser_transforms.json"
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match="expected") as caught:
        read_model_frame(file)
    assert "\n" not in str(caught.value)
