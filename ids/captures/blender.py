"""Blender's synthetic scenes: transforms_train.json, transforms_val.json, transforms_test.json.

Mildenhall et al. 2020 (NeRF); github bmild/nerf, load_blender.py: photos without `.png` in their
names, only `camera_angle_x`, transparency over white, near 2 and far 6.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from ids.captures.found import Found, Place, View, collect
from ids.captures.transforms import Json, frame_view, read_transforms
from ids.core.errors import DataError
from ids.data.messages import shorten

SPLITS = ("train", "val", "test")
NEAR, FAR = 2.0, 6.0  # of the released scenes, whose cameras are 4 from the origin


def read_blender(place: Place) -> Found:
    """Photos and poses of all splits; val and test are held out."""
    views: list[View] = []
    faults: list[str] = []
    for split in SPLITS:
        file = place.folder / f"transforms_{split}.json"
        if split != "train" and not file.is_file():
            continue
        content = read_transforms(file)
        if "camera_angle_x" not in content and "fl_x" not in content:
            raise DataError(f"{shorten(file)}: expected camera_angle_x; got none; add it")

        def view_of(frame: Any, file: Any = file, content: Json = content) -> View:
            return frame_view(file, content, frame, is_held_out=file.stem != "transforms_train")

        found = collect(content["frames"], view_of, shorten(file), place.missing == "leave_out")
        views += found[0]
        faults += found[1]
    bounded = [replace(view, near_far=_bounds(view)) for view in views]
    up = np.array([0.0, 0.0, 1.0])
    return Found("blender", sorted(bounded, key=_name), faults, up=up, bounded=True)


def _bounds(view: View) -> tuple[float, float]:
    """2 and 6 as in the released scenes; around a camera at another distance, half and one and a
    half of that distance.
    """
    distance = float(np.linalg.norm(view.c2w[:3, 3]))
    return (NEAR, FAR) if NEAR < distance < FAR else (0.5 * distance, 1.5 * distance)


def _name(view: View) -> str:
    return view.name
