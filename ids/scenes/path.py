"""Cameras on a closed path around a scene, for a video."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.camera import Camera

AROUND = 0.7  # mean length of the viewing directions below which cameras surround a scene
REACH = 1.2  # of the path, in standard deviations of the cameras' places
UP = (0.0, 0.0, 1.0)


def path(cameras: Sequence[Camera], n_frames: int) -> list[Camera]:
    """An ellipse in front of a scene that is seen from one side, as wide as the cameras are spread;
    an orbit around one that is surrounded. All look at the point that the cameras look at.
    """
    places = torch.stack([camera.centre for camera in cameras])
    directions = torch.stack([camera.forward for camera in cameras])
    focus = focus_of(places, directions)
    turns = torch.arange(n_frames).to(places) * (2 * math.pi / n_frames)
    mean = directions.mean(dim=0)
    circle = _orbit if float(mean.norm()) < AROUND else _ellipse
    return [
        replace(cameras[0], c2w=looking(place, focus).to(cameras[0].c2w))
        for place in circle(places, focus, turns)
    ]


def focus_of(places: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]) -> Float[Tensor, "3"]:
    """The point nearest to all optical axes; of parallel ones, a point before the cameras."""
    along = directions[:, :, None] * directions[:, None, :]
    away = torch.eye(3).to(places) - along
    weak = 1e-3 * torch.eye(3).to(places)  # where the axes leave it open: 1 before the cameras
    ahead = (places + directions).mean(dim=0)
    system = away.mean(dim=0) + weak
    wanted = (away @ places[..., None]).mean(dim=0)[:, 0] + weak @ ahead
    focus: Tensor = torch.linalg.solve(system, wanted)
    return focus


def looking(place: Float[Tensor, "3"], at: Float[Tensor, "3"]) -> Float[Tensor, "4 4"]:
    """The pose of a camera at a place that looks at a point, upright."""
    back = torch.nn.functional.normalize(place - at, dim=0)
    right = torch.linalg.cross(torch.tensor(UP).to(place), back)
    if float(right.norm()) < 1e-6:  # straight up or down
        right = torch.tensor([1.0, 0.0, 0.0]).to(place)
    right = torch.nn.functional.normalize(right, dim=0)
    pose = torch.eye(4).to(place)
    pose[:3] = torch.stack((right, torch.linalg.cross(back, right), back, place), dim=1)
    return pose


def _ellipse(places: Tensor, focus: Tensor, turns: Tensor) -> Tensor:
    """In the plane through the mean place, across its view of the focus."""
    centre = places.mean(dim=0)
    right, up = looking(centre, focus)[:3, :2].unbind(dim=1)
    wide, high = (((places - centre) @ axis).std() for axis in (right, up))
    across = turns.cos()[:, None] * wide * right + turns.sin()[:, None] * high * up
    return centre + REACH * across


def _orbit(places: Tensor, focus: Tensor, turns: Tensor) -> Tensor:
    """At the mean height and distance from the vertical axis through the focus."""
    offsets = places - focus
    radius, height = offsets[:, :2].norm(dim=1).mean(), offsets[:, 2].mean()
    circle = torch.stack((turns.cos(), turns.sin()), dim=1) * radius
    return focus + torch.cat((circle, height.expand(len(turns), 1)), dim=1)
