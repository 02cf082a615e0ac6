"""A scene of the embedded world in three dimensions: its object is a card at the origin, and its
background a wall behind it. The frontal camera sees exactly the flat image; others see parallax.
Colour, mask and depth of every view are known.

The card lies in the plane y = 0, facing -y, z up. Half an image width is `HALF` at the card, and
grows with the distance from the frontal camera, which is 1 from the card.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.camera import Camera
from ids.core.tensors import Image
from ids.shapes.render import background_at, cover_at, object_at
from ids.shapes.scene import Attribute, Scene

HALF = 0.45  # of an image at the card: the tangent of half the angle of view
WALL = 0.4  # of the background behind the card
SEEN = 1.6  # half of the wall that cameras see, in half image widths
NEAR, FAR = 0.6, 2.2  # along the rays


@dataclass(frozen=True)
class Diorama:
    """A scene before its wall."""

    scene: Scene

    def with_attribute(self, attribute: Attribute, value: str) -> "Diorama":
        """The true edit: one captioned attribute is changed, and nothing else of any view."""
        return Diorama(self.scene.with_attribute(attribute, value))

    def image(self, camera: Camera) -> Image:
        """RGB in [0, 1]."""
        size = camera.width
        card, wall = self._places(camera, 0.0), self._places(camera, WALL)
        cover = cover_at([self.scene], *card, size)[:, None]
        behind = background_at([self.scene], *wall, size)
        return torch.lerp(behind, object_at([self.scene], *card, size), cover)[0].clamp(0, 1)

    def cover(self, camera: Camera) -> Float[Tensor, "H W"]:
        """Share of each pixel that the object covers."""
        return cover_at([self.scene], *self._places(camera, 0.0), camera.width)[0]

    def distance(self, camera: Camera) -> Float[Tensor, "H W"]:
        """Along the rays to what most of each pixel shows: the card or the wall."""
        on_card = self.cover(camera) > 0.5
        return torch.where(on_card, _to_plane(camera, 0.0), _to_plane(camera, WALL))

    def points(self, n: int = 24) -> Float[Tensor, "P 3"]:
        """Points on the card and on the part of the wall that cameras see, n to a side of each."""
        side = torch.linspace(-1, 1, n)
        z, x = torch.meshgrid(side, side, indexing="ij")
        inside = cover_at([self.scene], x, -z, 64)[0] > 0.5
        unit = torch.stack((x, torch.zeros_like(x), z), dim=-1)
        card, wall = HALF * unit[inside], SEEN * HALF * (1 + WALL) * unit.view(-1, 3)
        return torch.cat((card, wall + torch.tensor([0.0, WALL, 0.0])))

    def _places(self, camera: Camera, y: float) -> tuple[Tensor, Tensor]:
        """Where rays meet the plane at y, in half image widths of the frontal view: x to the right,
        y down.
        """
        origins, directions = camera.rays()
        hit = origins + _to_plane(camera, y)[..., None] * directions
        half = HALF * (1 + y)
        return hit[..., 0] / half, -hit[..., 2] / half


def camera_at(azimuth: float, elevation: float, size: int) -> Camera:
    """A camera at distance 1 that looks at the card's centre; angles in degrees, 0 is frontal."""
    a, e = math.radians(azimuth), math.radians(elevation)
    place = torch.tensor(
        [math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)], dtype=torch.float32
    )
    right = torch.tensor([math.cos(a), math.sin(a), 0.0])
    pose = torch.eye(4)
    pose[:3] = torch.stack((right, torch.linalg.cross(place, right), place, place), dim=1)
    focal = size / (2 * HALF)
    return Camera(pose, focal, focal, size / 2, size / 2, size, size, NEAR, FAR)


def _to_plane(camera: Camera, y: float) -> Float[Tensor, "H W"]:
    """Distances along the rays."""
    origins, directions = camera.rays()
    distance: Tensor = (y - origins[..., 1]) / directions[..., 1]
    return distance
