"""An inspected capture in lines of text."""

from collections.abc import Iterator

import torch

from ids.captures.inspection import CaptureInspection
from ids.core.capture import Capture
from ids.core.text import counted, with_counts


def describe_capture(found: CaptureInspection) -> Iterator[str]:
    """Every fault, then what the capture has, then the verdict."""
    yield from found.faults
    if found.faults:
        yield ""
    if found.capture:
        yield f"capture:{found.capture.name}"
        for name, text in _content(found, found.capture):
            yield f"  {name:13} {text}"
        yield ""
    if found.faults:
        yield f"{counted(len(found.faults), 'fault')}: the capture cannot be used"
    else:
        yield "the capture can be used"


def _content(found: CaptureInspection, capture: Capture) -> Iterator[tuple[str, str]]:
    photos = capture.photos
    held_out = sum(photo.is_held_out for photo in photos)
    yield "place", found.place
    yield "format", found.format
    yield "photos", f"{len(photos)}, of which {held_out} are held out"
    yield "image sizes", with_counts(found.sizes)
    yield "read at", f"{found.view}: {photos[0].camera.width}x{photos[0].camera.height}"
    yield "distorted", f"{found.n_distorted} photos are undistorted"
    yield "masks", str(sum(photo.mask is not None for photo in photos))
    yield "points", str(len(capture.points))
    nearest = min(photo.camera.near for photo in photos)
    farthest = max(photo.camera.far for photo in photos)
    kind = "the scene ends there" if capture.bounded else "the scene goes on behind"
    yield "near, far", f"{nearest:.3g} to {farthest:.3g}; {kind}"
    yield "scale", f"{capture.from_file.scale:.4g}, so that the farthest camera is at 1"
    yield "heights", _heights(capture)


def _heights(capture: Capture) -> str:
    """Of the cameras above the origin, along z, which is up."""
    heights = torch.stack([photo.camera.centre[2] for photo in capture.photos])
    return f"cameras at z = {float(heights.min()):.2f} to {float(heights.max()):.2f}"
