"""nerfstudio's transforms.json, and instant-ngp's, which has the same layout.

https://docs.nerf.studio/quickstart/data_conventions.html; github NVlabs/instant-ngp,
scripts/colmap2nerf.py.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ids.captures.colmap import read_points
from ids.captures.found import Found, Place, View, collect
from ids.captures.ply import read_cloud
from ids.captures.poses import checked_pose
from ids.captures.transforms import (
    LARGEST,
    MAX_BYTES,
    Json,
    frame_view,
    names_in,
    number_of,
    read_transforms,
)
from ids.core.capture import Similarity
from ids.core.errors import DataError
from ids.data.cases import file_within
from ids.data.json_files import read_json
from ids.data.messages import shorten

Array = NDArray[np.float64]
HELD_OUT = ("val_filenames", "test_filenames")
FORMER = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0]])  # of files without the key


def read_nerfstudio(place: Place) -> Found:
    """Photos, poses, split, masks, depth files and points. Missing photos are refused."""
    return _read(place, "nerfstudio", place.missing == "leave_out")


def read_ngp(place: Place) -> Found:
    """As nerfstudio's. instant-ngp itself leaves out listed photos that are missing."""
    return _read(place, "ngp", place.missing != "refuse")


def is_ngp(content: Json) -> bool:
    """Whether instant-ngp wrote this content."""
    return "aabb_scale" in content or "sharpness" in content["frames"][0]


def transforms_file(place: Place) -> Path:
    """The JSON file of the place."""
    return place.file or place.folder / "transforms.json"


def _read(place: Place, kind: str, leave_out: bool) -> Found:
    file = transforms_file(place)
    content = read_transforms(file)
    held_out = names_in(content, HELD_OUT, shorten(file))
    trained = names_in(content, ("train_filenames",), shorten(file))

    def view_of(frame: Any) -> View:
        return frame_view(file, content, frame, _is_held_out(frame, held_out, trained), "images/")

    views, faults = collect(content["frames"], view_of, shorten(file), leave_out)
    points, colours = _points(file, content)
    return Found(kind, views, faults, points, colours)


def read_model_frame(path: str | os.PathLike[str]) -> Similarity:
    """From the world of the data to that of a trained model, in which its exports are: the content
    of dataparser_transforms.json. The data's world is COLMAP's, before any `applied_transform`,
    where transforms.json has one. `DataError` for another file.
    """
    file = Path(path)
    remedy = "name the dataparser_transforms.json beside the model's config.yml"
    content = read_json(file, MAX_BYTES, "the frame of a model in JSON", remedy)
    if not isinstance(content, dict) or "transform" not in content:
        raise DataError(f"{shorten(file)}: expected a transform and a scale; got others; {remedy}")
    pose = torch.from_numpy(checked_pose(content["transform"], shorten(file)))
    scale = number_of(content, "scale", None, shorten(file))
    if not 0 < scale < LARGEST:
        raise DataError(f"{shorten(file)}: expected a scale above 0; got {scale:g}; {remedy}")
    return Similarity(scale, pose[:3, :3], scale * pose[:3, 3])


def _is_held_out(frame: Json, held_out: set[str] | None, trained: set[str] | None) -> bool | None:
    """None without lists. A photo that no list of training photos has is not trained on."""
    name = frame.get("file_path")
    if held_out is None and trained is None:
        return None
    return name in (held_out or ()) or (trained is not None and name not in trained)


def _points(file: Path, content: Json) -> tuple[Array, Array]:
    """Of `ply_file_path`, else of the COLMAP model beside older files."""
    name = content.get("ply_file_path")
    if name is not None:
        where = f"{shorten(file)} ply_file_path"
        if not isinstance(name, str):
            raise DataError(f"{where}: expected a name; got {name!r:.40}; correct it")
        return read_cloud(file_within(file.parent, name, where, "points"))
    model = file.parent / "colmap" / "sparse" / "0"
    if not model.is_dir():
        return np.zeros((0, 3)), np.zeros((0, 3))
    points, colours = read_points(model)
    where = f"{shorten(file)} applied_transform"
    turn = checked_pose(content.get("applied_transform", FORMER), where)
    scale = number_of(content, "applied_scale", 1.0, shorten(file))
    return scale * (points @ turn[:3, :3].T + turn[:3, 3]), colours
