"""A capture, read photo by photo: its faults and what it has."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ids.captures.capture_folder import CaptureFolder
from ids.captures.found import Found
from ids.captures.opening import capture_of, find_views
from ids.core.capture import Capture, Photo
from ids.core.errors import DataError


@dataclass(frozen=True)
class CaptureInspection:
    """What a capture has; `capture` is None where no photo can be used. `counts`: photos by the
    sizes and lenses of their files.
    """

    place: str
    view: str
    format: str
    faults: Sequence[str]  # one line per photo that cannot be used, or of the files
    capture: Capture | None
    sizes: Mapping[str, int]
    n_distorted: int


def inspect_capture(
    folder: CaptureFolder, found: Found, done: Callable[[int], object] = int
) -> CaptureInspection:
    """Read every photo and mask of the views `found`; `done(1)` after each."""
    faults = list(found.faults)
    capture = capture_of(found, folder.path, folder.reading) if found.views else None
    for photo in capture.photos if capture else ():
        faults += _fault(photo)
        done(1)
    return CaptureInspection(
        place=folder.place,
        view=folder.view,
        format=found.format,
        faults=faults,
        capture=capture,
        sizes=Counter(f"{view.lens.width}x{view.lens.height}" for view in found.views),
        n_distorted=sum(view.lens.is_distorted for view in found.views),
    )


def find_all(folder: CaptureFolder) -> Found:
    """The views, and every fault: a fault of the files as a whole is the only one."""
    try:
        return find_views(folder.path, folder.reading)
    except DataError as error:
        return Found(os.path.basename(folder.place), (), (str(error),))


def _fault(photo: Photo) -> list[str]:
    try:
        photo.image.digest()
        if photo.mask:
            photo.mask.digest()
    except DataError as error:
        return [str(error)]
    return []
