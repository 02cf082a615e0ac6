"""A folder of photos with poses as a `Capture`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ids.captures.formats import Format, read_capture
from ids.captures.found import Array, Found, Missing, Place, View, checked_views
from ids.captures.frame import bounds_of, poses_in_world, world_frame
from ids.captures.photos import CoveredPixels, PhotoImage, PhotoMask, working_size
from ids.core.camera import Camera
from ids.core.capture import Capture, Photo
from ids.core.errors import DataError
from ids.data.cases import checked_path
from ids.data.messages import shorten

REMEDY = "unpack it there, or name its folder in dataset.path"


@dataclass(frozen=True)
class Reading:
    """How a capture is read; see `CaptureFolder`."""

    size: int | None = None
    multiple: int = 1
    format: Format = "auto"
    images: str = "images"
    held_out_every: int = 8
    missing: Missing = "auto"


def open_capture(path: str | os.PathLike[str], reading: Reading = Reading()) -> Capture:
    """The capture at this folder, or this transforms.json. Everything but the pixels is read and
    checked now: `DataError` for the first fault, with the number of others.
    """
    return capture_of(checked_views(find_views(path, reading), shorten(path)), path, reading)


def find_views(path: str | os.PathLike[str], reading: Reading) -> Found:
    """What the files have, in their own coordinates, with every fault of a single photo."""
    place = _place(path, reading)
    return read_capture(checked_path(os.fspath(path)), reading.format, place)


def capture_of(found: Found, path: str | os.PathLike[str], reading: Reading) -> Capture:
    """The views of the files as photos with pinhole cameras in our world."""
    to_world = world_frame(found)
    poses = poses_in_world(found.views, to_world)
    split = _held_out(found.views, reading.held_out_every)
    lenses = {view.lens for view in found.views if view.lens.is_distorted}
    partial = {lens for lens in lenses if not lens.covered().all()}
    photos = [
        _photo(
            view,
            _camera(view, pose, bounds_of(view, found.points, to_world)),
            reading,
            is_held_out=is_held_out,
            is_partial=view.lens in partial,
        )
        for view, pose, is_held_out in zip(found.views, poses, split, strict=True)
    ]
    return Capture(
        name=os.path.basename(os.path.realpath(path)),
        photos=photos,
        points=to_world(torch.from_numpy(found.points)).float(),
        colours=torch.from_numpy(found.colours).float(),
        from_file=to_world,
        bounded=found.bounded,
    )


def _place(path: str | os.PathLike[str], reading: Reading) -> Place:
    place = checked_path(os.fspath(path))
    if not place.exists():
        raise DataError(f"dataset.path {shorten(path)}: expected a capture; found none; {REMEDY}")
    if ".." in Path(reading.images).parts or os.path.isabs(reading.images):
        raise DataError(
            f"dataset.images: expected a folder in the capture; got {shorten(reading.images)}"
        )
    is_file = place.is_file()
    return Place(
        folder=place.parent if is_file else place,
        images=reading.images,
        missing=reading.missing,
        file=place if is_file else None,
    )


def _held_out(views: Sequence[View], every: int) -> list[bool]:
    """The format's split; without one, every so many-th view by name, from the first, or none."""
    if any(view.is_held_out is not None for view in views):
        return [bool(view.is_held_out) for view in views]
    return [bool(every) and number % every == 0 for number in range(len(views))]


def _camera(view: View, pose: Array, bounds: tuple[float, float]) -> Camera:
    lens = view.lens
    return Camera(
        c2w=torch.from_numpy(pose).float(),
        fx=lens.fx,
        fy=lens.fy,
        cx=lens.cx,
        cy=lens.cy,
        height=lens.height,
        width=lens.width,
        near=bounds[0],
        far=bounds[1],
    )


def _photo(
    view: View, camera: Camera, reading: Reading, is_held_out: bool, is_partial: bool
) -> Photo:
    size = working_size((camera.width, camera.height), reading.size, reading.multiple)
    image = PhotoImage(view.file, view.lens, size)
    return Photo(
        name=view.name,
        camera=camera.resized(size[1], size[0]),
        image=image,
        is_held_out=is_held_out,
        mask=PhotoMask(view.mask, image) if view.mask else None,
        covered=CoveredPixels(image) if is_partial else None,
    )
