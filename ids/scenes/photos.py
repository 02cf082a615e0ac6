"""The photos of a capture in memory, as pixels to fit and to compare with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.camera import Camera, Rays
from ids.core.capture import Capture, Photo
from ids.core.errors import DataError
from ids.core.tensors import Image
from ids.scenes.model import Picked, Pixels, pick


class Target(NamedTuple):
    """Pixels to be met: their rays and colours [P, 3]."""

    picked: Picked
    rgb: Float[Tensor, "P 3"]


class Shot(NamedTuple):
    """A photo in memory: the pixels that have content, and their colours [P, 3]. The corners of an
    undistorted photo may have none.
    """

    camera: Camera
    pixels: Pixels
    rgb: Float[Tensor, "P 3"]


def shot(photo: Photo) -> Shot:
    """Decode a photo, onto the device of its camera. `DataError` where it has not the size of its
    camera, or no content.
    """
    rgb, camera = _flat(photo.image.load(), photo).to(photo.camera.c2w), photo.camera
    if photo.covered is None:
        return Shot(camera, torch.arange(len(rgb), device=rgb.device), rgb)
    pixels = _flat(photo.covered.load(), photo)[:, 0].nonzero()[:, 0].to(rgb.device)
    if not len(pixels):
        raise DataError(
            f"{photo.name}: expected pixels with content; its lens saw none; remove the photo"
        )
    return Shot(camera, pixels, rgb[pixels])


def held_out(capture: Capture) -> Sequence[Photo]:
    """The photos that were held out; all of them where none was."""
    return [photo for photo in capture.photos if photo.is_held_out] or list(capture.photos)


def on_device(capture: Capture, device: torch.device) -> Capture:
    """The capture with its cameras on a device. Decoded photos follow their cameras."""
    photos = [
        replace(photo, camera=replace(photo.camera, c2w=photo.camera.c2w.to(device)))
        for photo in capture.photos
    ]
    return replace(capture, photos=photos)


@dataclass(frozen=True)
class FitPhotos:
    """The photos that are fitted: each alone, and the rays and colours of all, one after another.
    Random numbers are drawn on the CPU: they are the same on every device.
    """

    shots: Sequence[Shot]
    picked: Picked
    rgb: Float[Tensor, "pixels 3"]

    @classmethod
    def of(cls, capture: Capture) -> "FitPhotos":
        """Decode each photo that is not held out. `DataError` where none is left."""
        shots = [shot(photo) for photo in capture.photos if not photo.is_held_out]
        if not shots:
            raise DataError(
                f"{capture.name}: expected photos to fit; found none that is not held out"
            )
        picked = [pick(one.camera, one.pixels) for one in shots]
        origins = torch.cat([one.rays.origins for one in picked])
        directions = torch.cat([one.rays.directions for one in picked])
        near, far = torch.cat([one.near for one in picked]), torch.cat([one.far for one in picked])
        rays = Picked(Rays(origins, directions), near, far)
        return cls(shots, rays, torch.cat([one.rgb for one in shots]))

    def rays(self, n: int, rng: torch.Generator) -> Target:
        """Random ones of all photos: each photo is as likely as another."""
        sizes = torch.tensor([len(one.pixels) for one in self.shots])
        which = torch.randint(len(sizes), (n,), generator=rng)
        at = (torch.rand(n, generator=rng) * sizes[which]).long().clamp(max=sizes[which] - 1)
        order = which.argsort(stable=True)
        chosen = ((sizes.cumsum(0) - sizes)[which] + at)[order].to(self.rgb.device)
        rays, near, far = self.picked
        some = Rays(rays.origins[chosen], rays.directions[chosen])
        return Target(Picked(some, near[chosen], far[chosen]), self.rgb[chosen])

    def pixels(self, n: int, rng: torch.Generator) -> tuple[Camera, Pixels, Float[Tensor, "P 3"]]:
        """Random ones of one photo: its camera, their numbers and colours."""
        one = self.shots[int(torch.randint(len(self.shots), (1,), generator=rng))]
        at = torch.randint(len(one.pixels), (n,), generator=rng).to(one.rgb.device)
        return one.camera, one.pixels[at], one.rgb[at]


def _flat(image: Image, photo: Photo) -> Float[Tensor, "pixels 3"]:
    """Pixels row by row."""
    size = photo.camera.height, photo.camera.width
    if tuple(image.shape[-2:]) != size:
        height, width = image.shape[-2:]
        raise DataError(
            f"{photo.name}: expected an image of {size[1]}x{size[0]} pixels, as its "
            f"camera has; got {width}x{height}; resize one"
        )
    return image.permute(1, 2, 0).reshape(-1, 3)
