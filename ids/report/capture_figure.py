"""A capture as a figure: its cameras in 3-D, from two sides, over a strip of photos."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PIL

from ids.core.camera import Camera
from ids.core.capture import Capture, Photo
from ids.images import to_array

SIDES = ((28, -60), (89, -90))  # elevation and azimuth in degrees: an oblique view, and from above
STRIP = 8  # photos
MAX_POINTS = 4000
TRAINED, HELD_OUT, SCENE = "#2f6fb0", "#d1602e", "#8a8a8a"
SIZE = 0.12  # depth of a drawn camera; the farthest camera is at 1
Array = NDArray[np.float64]


def capture_figure(capture: Capture) -> PIL.Image:
    """Cameras as pyramids, trained and held out in two colours, and the points of the scene."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    with plt.rc_context({"text.parse_math": False}):
        figure = plt.figure(figsize=(12, 8.6), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=(3, 1))
        top, bottom = parts
        top.suptitle(_title(capture))
        for number, side in enumerate(SIDES):
            _draw_scene(top.add_subplot(1, 2, number + 1, projection="3d"), capture, side)
        _draw_strip(bottom, capture.photos)
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=110, format="png")
        plt.close(figure)
    return PIL.open(buffer).convert("RGB")


def _title(capture: Capture) -> str:
    held_out = sum(photo.is_held_out for photo in capture.photos)
    trained = len(capture.photos) - held_out
    return f"{capture.name}: {trained} photos to fit, {held_out} held out, z is up"


def _draw_scene(axes: Any, capture: Capture, side: tuple[int, int]) -> None:
    for is_held_out, colour in ((False, TRAINED), (True, HELD_OUT)):
        cameras = [p.camera for p in capture.photos if p.is_held_out == is_held_out]
        if cameras:
            lines = np.concatenate([pyramid(camera) for camera in cameras])
            axes.plot(*lines.T, color=colour, linewidth=0.8, label=_label(is_held_out))
    points = _shown_points(capture)
    if len(points):
        colours = _shown_colours(capture)
        axes.scatter(*points.T, c=colours, s=3, linewidths=0, depthshade=False)
    axes.scatter([0], [0], [0], color=SCENE, marker="+", s=60, label="origin")
    limit = 1.1
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), zlim=(-limit, limit))
    axes.set(xlabel="x", ylabel="y", zlabel="z")
    axes.set_box_aspect((1, 1, 1))
    axes.set_proj_type("ortho")
    axes.view_init(*side)
    if side[0] > 80:  # the heights lie on top of each other
        axes.set(zlabel="", zticks=[])
    axes.legend(loc="upper left", fontsize=8)


def _label(is_held_out: bool) -> str:
    return "held out" if is_held_out else "to fit"


def pyramid(camera: Camera) -> Array:
    """A line through the edges of a camera's view, ending in NaN: the apex is its centre, the base
    its image, with a mark at the image's upper edge.
    """
    x = (torch.tensor([0.0, camera.width, camera.width, 0.0]) - camera.cx) / camera.fx
    y = (camera.cy - torch.tensor([0.0, 0.0, camera.height, camera.height])) / camera.fy
    corners = SIZE * torch.stack((x, y, -torch.ones(4)), dim=-1).to(camera.c2w)
    mark = (corners[0] + corners[1]) / 2 + (corners[0] - corners[3]) / 3
    local = torch.stack((*corners, mark, torch.zeros(3).to(mark)))
    world = local @ camera.c2w[:3, :3].T + camera.centre
    a, b, c, d, up, apex = world.double().numpy()
    end = np.full(3, np.nan)
    line: Array = np.stack([a, b, c, d, a, apex, b, up, a, apex, c, d, apex, end])
    return line


def _shown(capture: Capture) -> slice:
    return slice(None, None, max(len(capture.points) // MAX_POINTS, 1))


def _shown_points(capture: Capture) -> Array:
    """A part of the points, without those far outside of the drawn cube."""
    points: Array = capture.points[_shown(capture)].double().numpy()
    return np.where(abs(points).max(axis=-1, keepdims=True) < 2, points, np.nan)


def _shown_colours(capture: Capture) -> Array:
    colours: Array = capture.colours[_shown(capture)].double().numpy()
    return colours


def _draw_strip(figure: Any, photos: Sequence[Photo]) -> None:
    """Photos at equal steps through the capture, by name."""
    count = min(STRIP, len(photos))
    chosen = [photos[number * len(photos) // count] for number in range(count)]
    panels = figure.subplots(1, count, squeeze=False)[0]
    for panel, photo in zip(panels, chosen, strict=True):
        panel.imshow(to_array(photo.image.load()))
        colour = HELD_OUT if photo.is_held_out else TRAINED
        panel.set_title(photo.name[-22:], fontsize=8, color=colour)
        panel.set_axis_off()
