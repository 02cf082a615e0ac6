"""What a reader finds in a capture's files, in the coordinates of these files."""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ids.captures.lens import Lens, checked_lens
from ids.core.errors import DataError
from ids.core.text import counted
from ids.data.cases import file_within
from ids.data.decode import shape_of
from ids.data.image_tree import ENDINGS
from ids.data.messages import quote, shorten

log = logging.getLogger(__name__)
Array = NDArray[np.float64]
Item = TypeVar("Item")
RESIZED = "photos are not of their cameras' size: the cameras are scaled"
LEFT_OUT = "listed photos are missing and left out"
Missing = Literal["auto", "refuse", "leave_out"]
ABSOLUTE = re.compile(r"([A-Za-z]:|[/\\~])|.*\\")  # a path of one machine, or of Windows


class MissingPhotoError(DataError):
    """A photo that a capture lists and does not have."""


@dataclass(frozen=True)
class Place:
    """Where a capture is: its folder, the folder of photos in it, for formats that name none in
    their files; and what becomes of listed photos that are missing.
    """

    folder: Path
    images: str = "images"
    missing: Missing = "auto"
    file: Path | None = None  # the file that was named instead of the folder


@dataclass(frozen=True, eq=False)
class View:
    """A photo: its file, pose (camera to world, OpenGL axes, [4, 4]) and lens, in pixels of the
    photo once `collect` has compared their sizes. `near_far`: z-depths
    that bound the scene in it, in units of the file.
    """

    name: str
    file: Path
    c2w: Array
    lens: Lens
    is_held_out: bool | None = None  # None: the format has no split
    near_far: tuple[float, float] | None = None
    mask: Path | None = None
    depth: Path | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """The views of a capture by name, surface points [P, 3] with colours in [0, 1], and a line for
    each fault. `up`: the world's up direction, where the format defines it.
    """

    format: str
    views: Sequence[View]
    faults: Sequence[str] = ()
    points: Array = field(default_factory=lambda: np.zeros((0, 3)))
    colours: Array = field(default_factory=lambda: np.zeros((0, 3)))
    up: Array | None = None
    bounded: bool = False


def collect(
    items: Iterable[Item], view_of: Callable[[Item], View], where: str, leave_out: bool
) -> tuple[list[View], list[str]]:
    """The views of all items by name, and the faults of the others. With `leave_out`, missing
    photos are named in one warning instead, unless all are missing.
    """
    views: dict[str, View] = {}
    faults: list[str] = []
    missing: list[str] = []
    resized: list[str] = []
    for item in items:
        try:
            view = view_of(item)
            named = f"{where} {quote(view.name)}"
            if view.name in views:
                raise DataError(f"{named}: expected every photo once; got it twice; remove one")
            lens = _fitted(view, named)
            if (lens.width, lens.height) != (view.lens.width, view.lens.height):
                resized.append(f"{view.name}, {lens.width}x{lens.height}")
            views[view.name] = replace(view, lens=lens)
        except MissingPhotoError as error:
            missing.append(str(error))
        except DataError as error:
            faults.append(str(error))
    note(where, resized, "photo is not of its camera's size: the camera is scaled", RESIZED)
    if missing and leave_out and views:
        note(where, missing, "listed photo is missing and left out", LEFT_OUT)
        missing = []
    return [views[name] for name in sorted(views)], [*missing, *faults]


def note(where: str, items: Sequence[str], one: str, many: str) -> None:
    """One warning with the number of items, and the first."""
    if items:
        log.warning("%s: %s; the first: %s", where, counted(len(items), one, many), items[0])


def photo_file(folder: Path, name: object, where: str) -> Path:
    """A photo by its name in a file; without an ending it is a PNG or JPEG. `MissingPhotoError`;
    `DataError` for a name that is a path of another machine or leads out of the folder.
    """
    if not isinstance(name, str) or not name or "\0" in name or ABSOLUTE.match(name):
        got = quote(name) if isinstance(name, str) else f"{name!r:.40}"
        raise DataError(
            f"{where}: expected the name of a photo inside {shorten(folder)}; got {got}; write it "
            "relative to the folder"
        )
    known = Path(name).suffix.lower() in ENDINGS
    for ending in ("",) if known else ("", ".png", ".jpg", ".jpeg", ".JPG"):
        path = folder / f"{name}{ending}"
        if path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            return file_within(folder, f"{name}{ending}", where, "photo")
    raise MissingPhotoError(
        f"{where}: expected the photo {quote(name)} in {shorten(folder)}; found none; "
        "dataset.missing=leave_out goes on without it"
    )


def _fitted(view: View, where: str) -> Lens:
    """The lens at the photo's size: a folder of resized photos has the same poses. `DataError` for
    another shape than the camera's.
    """
    lens = checked_lens(view.lens, where)
    width, height = shape_of(view.file).size
    if abs(width * lens.height - height * lens.width) > max(lens.width, lens.height):
        raise DataError(
            f"{where}: expected a photo of {lens.width}x{lens.height}, as its camera; got "
            f"{width}x{height} in {shorten(view.file)}; turn or resize it"
        )
    return lens.fitted(width, height)


def no_images(folder: Path, error: OSError) -> DataError:
    """The message for a folder of photos that cannot be read."""
    return DataError(
        f"{shorten(folder)}: expected a folder of photos; {error.strerror}; name another in "
        "dataset.images"
    )


def checked_views(found: Found, where: str) -> Found:
    """The capture; `DataError` for the first fault, with the number of others, or for no photo."""
    if found.faults:
        more = len(found.faults) - 1
        raise DataError(f"{found.faults[0]}{f'; further faults: {more}' if more else ''}")
    if not found.views:
        raise DataError(f"{where}: expected photos with poses; got none; check the file")
    return found
