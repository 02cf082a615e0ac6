"""The layout of transforms.json, which nerfstudio, instant-ngp and Blender's data sets share: a
list of frames, each with `file_path` and `transform_matrix` (camera to world, OpenGL axes).
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ids.captures.found import View, photo_file
from ids.captures.lens import Lens, as_size
from ids.captures.poses import checked_pose
from ids.core.errors import DataError
from ids.data.cases import file_within
from ids.data.decode import shape_of
from ids.data.json_files import read_json
from ids.data.messages import quote, shorten

MAX_BYTES = 1 << 28
MAX_FRAMES = 100_000
LARGEST = 1e300  # what a float can hold, with room
MODELS = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "PERSPECTIVE")
ZERO = ("k3", "k4", "k5", "k6")  # terms of other models
Json = Mapping[str, Any]


def read_transforms(file: Path) -> Json:
    """The content of the file. `DataError` unless it is an object with a list of frames."""
    content = read_json(file, MAX_BYTES, "cameras in JSON", "write it again")
    if kind := _exported(content):
        raise DataError(
            f"{shorten(file)}: expected `frames` with photos, poses and focal lengths; got {kind}; "
            "name the folder of transforms.json that the model was trained on"
        )
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise DataError(f"{shorten(file)}: expected `frames`, a list; got none; check the file")
    if not 0 < len(frames) <= MAX_FRAMES:
        raise DataError(
            f"{shorten(file)}: expected 1 to {MAX_FRAMES} frames; got {len(frames)}; check the file"
        )
    return dict(content)


def _exported(content: Any) -> str:
    """What of a trained model of nerfstudio this is instead; empty for anything else."""
    listed = content[:1] if isinstance(content, list) else []
    if any(isinstance(item, dict) and "transform" in item for item in listed):
        return "the poses of `ns-export cameras`, which have no focal length"
    if isinstance(content, dict) and {"transform", "scale"} <= content.keys():
        return "the frame of a model of nerfstudio"
    return ""


def frame_view(
    file: Path, content: Json, frame: Json, is_held_out: bool | None, below: str = ""
) -> View:
    """A frame as a view; `below`: the folder that its name leaves out."""
    path = frame.get("file_path")
    where = f"{shorten(file)} frame {quote(path)}"
    photo = photo_file(file.parent, path, where)
    settings = {**content, **frame}
    name = photo.relative_to(file.parent.resolve()).as_posix().removeprefix(below)
    return View(
        name=name,
        file=photo,
        c2w=checked_pose(frame.get("transform_matrix"), where),
        lens=_lens(settings, photo, where),
        is_held_out=is_held_out,
        mask=_beside(file, frame, "mask_path", where),
        depth=_beside(file, frame, "depth_file_path", where),
    )


def _beside(file: Path, frame: Json, key: str, where: str) -> Path | None:
    name = frame.get(key)
    if name is None:
        return None
    if not isinstance(name, str):
        raise DataError(f"{where}: expected {key}, a name; got {name!r:.40}; correct it")
    return file_within(file.parent, name, f"{where} {key}", "image")


def _lens(settings: Json, photo: Path, where: str) -> Lens:
    """Focal length and centre in pixels win over angles, which ignore the principal point."""
    _check_model(settings, where)
    size = shape_of(photo).size
    width, height = (
        as_size(settings.get(key, side), where) for key, side in zip("wh", size, strict=True)
    )
    fx, fy = _focal_lengths(settings, width, height, where)
    rest = {key: number_of(settings, key, 0.0, where) for key in ("k1", "k2", "p1", "p2")}
    centre = (
        number_of(settings, "cx", width / 2, where),
        number_of(settings, "cy", height / 2, where),
    )
    return Lens(width, height, fx, fy, *centre, **rest)


def _focal_lengths(settings: Json, width: int, height: int, where: str) -> tuple[float, float]:
    """In pixels. One alone, a length or an angle, is of square pixels."""
    if "fl_x" in settings or "fl_y" in settings:
        fx = number_of(settings, "fl_x", settings.get("fl_y"), where)
        return fx, number_of(settings, "fl_y", fx, where)
    angles = ("camera_angle_x", width), ("camera_angle_y", height)
    fx, fy = (_of_angle(number_of(settings, key, 0.0, where), side) for key, side in angles)
    if not fx and not fy:
        raise DataError(
            f"{where}: expected a focal length, fl_x or camera_angle_x; got neither; add one"
        )
    return fx or fy, fy or fx


def _of_angle(angle: float, side: int) -> float:
    """The focal length in pixels; 0 for no angle of a view."""
    return 0.5 * side / math.tan(0.5 * angle) if 0 < angle < math.pi else 0.0


def number_of(settings: Json, key: str, default: Any, where: str) -> float:
    """The number under a key. `DataError` for another kind."""
    value = settings.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LARGEST:
        raise DataError(f"{where}: expected {key}, a number; got {value!r:.40}; correct it")
    return float(value)


def _check_model(settings: Json, where: str) -> None:
    """`DataError` for lenses that bend otherwise; the model may be written per frame."""
    model = settings.get("camera_model", "OPENCV")
    if model not in MODELS:
        raise DataError(
            f"{where}: expected camera_model {', '.join(MODELS)}; got {quote(model)}; undistort "
            "the photos to a pinhole camera first"
        )
    if settings.get("is_fisheye"):
        raise DataError(
            f"{where}: expected a lens that is no fisheye; got is_fisheye true; undistort the "
            "photos to a pinhole camera first"
        )
    for key in ZERO:
        if number_of(settings, key, 0.0, where) != 0:
            raise DataError(
                f"{where}: expected distortion by k1, k2, p1, p2; got {key} = {settings[key]:g}; "
                "undistort the photos first"
            )


def names_in(content: Json, keys: Sequence[str], where: str) -> set[str] | None:
    """The file names of these lists; None where none of the lists exists."""
    found = [content[key] for key in keys if key in content]
    for names in found:
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(f"{where}: expected {keys[0]}, a list of names; got another kind")
    return {name for names in found for name in names} if found else None
