"""Photos against the recorded truth: that each belongs to its camera, and is undistorted."""

from collections.abc import Iterator

import numpy as np
import torch
from metric_replay.lines import Line
from torch import Tensor
from torch.nn.functional import grid_sample

from capture_replay.geometry import MOST
from capture_replay.opened import Opened
from ids.images import from_png

PSNR = 34.0  # dB


def photos(opened: Opened) -> Iterator[Line]:
    """The painted points in the photos, and the photos without distortion."""
    yield _owners(opened)
    yield from _undistorted(opened)


def _undistorted(opened: Opened) -> Iterator[Line]:
    recorded = opened.recorded
    by_name = dict(zip(recorded.names, opened.photos, strict=True))
    lenses = {view.name: view.lens for view in opened.found.views}
    for entry in recorded.content.get("undistorted_reference", ()):
        wanted = from_png(recorded.truth.folder / entry["file"])
        found = by_name[entry["image"]].image.load()
        x, y = np.moveaxis(lenses[entry["image"]].sources(), -1, 0)
        height, width = x.shape
        inside = (x >= 0.5) & (x <= width - 0.5) & (y >= 0.5) & (y <= height - 0.5)
        error = ((found - wanted) ** 2)[:, torch.from_numpy(inside)].mean()
        psnr = float(-10 * torch.log10(error))
        name = f"{recorded.name}/undistorted/{entry['image']}"
        yield Line(name, "ok" if psnr >= PSNR else "FAIL", f"{psnr:.1f} dB")


def _owners(opened: Opened) -> Line:
    """Each camera has its own photo: of all photos of the capture, it shows the visible painted
    points best where the camera has them. The discs are a few pixels wide, so that no photo shows
    their exact colours.
    """
    recorded = opened.recorded
    seen = torch.from_numpy(recorded.scene("visible") > 0)
    rgb = torch.from_numpy(recorded.truth.floats("scene/point_rgb")).float() / 255
    images = [photo.image.load() for photo in opened.photos]
    pixels, _, _ = opened.pixels(recorded.file("points"))
    right = 0
    for number, (photo, at) in enumerate(zip(opened.photos, pixels, strict=True)):
        grid = torch.from_numpy(at / [photo.camera.width, photo.camera.height] * 2 - 1).float()
        visible = seen[number]
        errors = [float((_sampled(i, grid[visible]) - rgb[visible]).abs().mean()) for i in images]
        right += errors[number] == min(errors)
    good = right >= MOST * len(images)
    detail = f"{right} of {len(images)} photos"
    return Line(f"{recorded.name}/own_photos", "ok" if good else "FAIL", detail)


def _sampled(image: Tensor, grid: Tensor) -> Tensor:
    """Colours [P, 3] at places from -1 to 1, bilinear."""
    return grid_sample(image[None], grid[None, None], align_corners=False)[0, :, 0].T


def facing_line(opened: Opened) -> Line:
    """A visible point's surface faces the camera that sees it."""
    recorded = opened.recorded
    seen = recorded.scene("visible") > 0
    centres = recorded.to_scene(opened.poses()[:, :3, 3])
    points, normals = (recorded.truth.floats(f"scene/{k}") for k in ("points", "point_normals"))
    facing = ((centres[:, None] - points) * normals).sum(axis=-1) > 0
    share = float(facing[seen].mean())
    return Line(f"{recorded.name}/facing", "ok" if share == 1 else "FAIL", f"{share:.0%} of points")
