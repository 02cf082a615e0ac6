"""The contract of scene models, and what they render.

Shapes: P pixels or rays, N samples of a ray. Distances and depths are in units of the world.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ids.core.camera import Camera, Rays
from ids.core.tensors import Image

Pixels = Int[Tensor, " P"]  # numbers of pixels of an image, row by row


class Render(NamedTuple):
    """What rays see: `rgb` [P, 3], of photos in [0, 1]; `distance` [P] along the ray, `opacity` [P]
    in [0, 1].

    Where nothing is, the distance is the far end of the scene along the ray: its exit from the box
    of a bounded grid; else, and where the ray misses that box, the camera's far bound. It depends
    on the ray alone, not on the scene in it. The rest of a ray that is hit in part is as far.
    """

    rgb: Float[Tensor, "P 3"]
    distance: Float[Tensor, " P"]
    opacity: Float[Tensor, " P"]


class ParameterGroup(NamedTuple):
    """Parameters of one meaning, such as `density` or `colour`, which share a learning rate."""

    name: str
    parameters: Sequence[torch.nn.Parameter]


@runtime_checkable
class SceneModel(Protocol):
    """A differentiable scene. Pixels may be rendered in any parts: none depends on another."""

    def render(self, camera: Camera, pixels: Pixels | None = None) -> Render:
        """These pixels of a camera; None: all of them, row by row. Without random numbers."""
        ...

    def groups(self) -> Sequence[ParameterGroup]:
        """All parameters that fitting and editing change."""
        ...

    def roughness(self, rng: torch.Generator) -> Tensor:
        """How little smooth the scene is, for fitting; a random part of it may stand for all."""
        ...

    def to(self, device: torch.device, /) -> object:
        """Move its tensors to a device, in place."""
        ...

    def state_dict(self) -> Mapping[str, Tensor]:
        """Its tensors by name."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor]) -> object:
        """Take tensors by name."""
        ...


@runtime_checkable
class RayModel(Protocol):
    """A scene that is evaluated along rays: fitting may mix rays of all cameras."""

    def trace(
        self, rays: Rays, near: Tensor, far: Tensor, jitter: Float[Tensor, " P"] | None = None
    ) -> Render:
        """Rays [P, 3] between two distances [P]. `jitter` in [0, 1) moves their samples."""
        ...


def parts(camera: Camera, size: int) -> Iterator[Pixels]:
    """All pixels of a camera, at most `size` at a time."""
    pixels = torch.arange(camera.height * camera.width, device=camera.c2w.device)
    return iter(pixels.split(size))


class Picked(NamedTuple):
    """Rays [P, 3] of some pixels, and the distances [P] between which the scene lies."""

    rays: Rays
    near: Float[Tensor, " P"]
    far: Float[Tensor, " P"]


def pick(camera: Camera, pixels: Pixels | None = None) -> Picked:
    """The rays of these pixels; None: of all."""
    origins, directions = (part.reshape(-1, 3) for part in camera.rays())
    if pixels is not None:
        origins, directions = origins[pixels], directions[pixels]
    length = torch.ones_like(origins[:, 0])
    return Picked(Rays(origins, directions), camera.near * length, camera.far * length)


class Rendered(NamedTuple):
    """A whole view: `image` [3, H, W], `distance` and `opacity` [H, W]."""

    image: Image
    distance: Float[Tensor, "H W"]
    opacity: Float[Tensor, "H W"]


@torch.no_grad()
def render_view(model: SceneModel, camera: Camera, chunk: int = 8192) -> Rendered:
    """A whole view without a gradient, `chunk` pixels at a time."""
    found = [model.render(camera, pixels) for pixels in parts(camera, chunk)]
    rgb, distance, opacity = (torch.cat(part) for part in zip(*found, strict=True))
    size = camera.height, camera.width
    return Rendered(image_of(rgb, camera), distance.view(size), opacity.view(size))


def image_of(rgb: Float[Tensor, "P 3"], camera: Camera) -> Image:
    """The pixels of a whole view as an image."""
    return rgb.view(camera.height, camera.width, 3).permute(2, 0, 1).contiguous()
