"""Pinhole cameras of a scene. Axes are OpenGL's: x right, y up, the camera looks along -z. Pixel
(column i, row j) has its centre at (i + 0.5, j + 0.5).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

Points = Float[Tensor, "*batch 3"]


class Rays(NamedTuple):
    """Rays in world coordinates: origins and unit directions, [..., 3]."""

    origins: Points
    directions: Points


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera. `c2w` is its pose, camera to world, [4, 4]; `fx, fy, cx, cy` are in pixels;
    `near` and `far` bound the scene along its rays, in units of the world.
    """

    c2w: Float[Tensor, "4 4"]
    fx: float
    fy: float
    cx: float
    cy: float
    height: int
    width: int
    near: float
    far: float

    @property
    def centre(self) -> Float[Tensor, "3"]:
        """Where the camera is."""
        return self.c2w[:3, 3]

    @property
    def forward(self) -> Float[Tensor, "3"]:
        """The unit direction of its optical axis. A distance along a ray, times the ray's direction
        on it, is z-depth.
        """
        return -self.c2w[:3, 2]

    def rays(self) -> Rays:
        """The ray through the centre of each pixel, [height, width, 3]."""
        y, x = torch.meshgrid(
            torch.arange(self.height).to(self.c2w) + 0.5,
            torch.arange(self.width).to(self.c2w) + 0.5,
            indexing="ij",
        )
        local = torch.stack(
            ((x - self.cx) / self.fx, (self.cy - y) / self.fy, -torch.ones_like(x)), dim=-1
        )
        directions = local @ self.c2w[:3, :3].T
        directions = directions / directions.norm(dim=-1, keepdim=True)
        return Rays(self.centre.expand_as(directions), directions)

    def project(self, points: Points) -> tuple[Float[Tensor, "*batch 2"], Float[Tensor, "*batch"]]:
        """Pixel coordinates (x, y) and z-depth of points; the depth is negative behind it."""
        x, y, back = ((points - self.centre) @ self.c2w[:3, :3]).unbind(dim=-1)
        depth = -back
        pixels = torch.stack((self.cx + self.fx * x / depth, self.cy - self.fy * y / depth), dim=-1)
        return pixels, depth

    def resized(self, height: int, width: int) -> "Camera":
        """The same view in another number of pixels."""
        down, right = height / self.height, width / self.width
        return replace(
            self,
            fx=self.fx * right,
            cx=self.cx * right,
            fy=self.fy * down,
            cy=self.cy * down,
            height=height,
            width=width,
        )
