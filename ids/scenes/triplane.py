"""Three feature planes and a small network: the scene model for real captures on a GPU."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ids.core.camera import Camera, Rays
from ids.core.capture import Capture
from ids.scenes.box import Box
from ids.scenes.limits import check_least
from ids.scenes.model import ParameterGroup, Pixels, Render, pick
from ids.scenes.sampling import Sampling
from ids.scenes.volume import composite, weights_of

PLANES = ((0, 1), (0, 2), (1, 2))  # pairs of axes


class TriPlane(nn.Module):
    """Features of a point are products over three planes, at several resolutions; a network makes
    density and colour of them (K-Planes, Fridovich-Keil et al. 2023, without view directions).
    """

    def __init__(
        self, box: Box, resolutions: Sequence[int], channels: int, width: int, sampling: Sampling
    ) -> None:
        super().__init__()
        self.box, self.sampling = box, sampling
        self.planes = nn.ParameterList(
            nn.Parameter(0.5 + 0.4 * _even(len(PLANES), channels, n)) for n in resolutions
        )
        features = channels * len(resolutions)
        self.trunk = nn.Sequential(nn.Linear(features, width), nn.ReLU())
        self.density_head, self.colour_head = nn.Linear(width, 1), nn.Linear(width, 3)
        _start(self)

    def groups(self) -> Sequence[ParameterGroup]:
        """`planes`, which both depend on; `density` and `colour`, the layers of each; `trunk`."""
        return [
            ParameterGroup("planes", list(self.planes)),
            ParameterGroup("trunk", list(self.trunk.parameters())),
            ParameterGroup("density", list(self.density_head.parameters())),
            ParameterGroup("colour", list(self.colour_head.parameters())),
        ]

    def render(self, camera: Camera, pixels: Pixels | None = None) -> Render:
        """These pixels; None: all."""
        return self.trace(*pick(camera, pixels))

    def trace(
        self, rays: Rays, near: Tensor, far: Tensor, jitter: Float[Tensor, " P"] | None = None
    ) -> Render:
        """Rays between two distances."""
        edges, places = self.sampling(self.box, rays, near, far, self._density, jitter)
        hidden = self._hidden(places)
        weights = weights_of(self._activated(self.density_head(hidden)[..., 0]), edges)
        colours = torch.sigmoid(self.colour_head(hidden))
        return composite(weights, colours, edges, torch.zeros_like(places[0, 0]))

    def roughness(self, rng: torch.Generator) -> Tensor:
        """Mean squared difference of neighbours in the planes."""
        return torch.stack(
            [plane.diff(dim=axis).square().mean() for plane in self.planes for axis in (2, 3)]
        ).sum()

    def _density(self, places: Float[Tensor, "P N 3"]) -> Float[Tensor, "P N"]:
        return self._activated(self.density_head(self._hidden(places))[..., 0])

    def _activated(self, raw: Tensor) -> Tensor:
        """Per unit of length; almost transparent at first."""
        return F.softplus(raw - 1) / (self.box.side / 16)

    def _hidden(self, places: Float[Tensor, "P N 3"]) -> Tensor:
        flat = places.reshape(-1, 3)
        on_planes = torch.stack([flat[:, axes] for axes in PLANES])[:, None]
        features = [
            F.grid_sample(plane, on_planes, align_corners=True)[:, :, 0].prod(dim=0).T
            for plane in self.planes
        ]
        hidden: Tensor = self.trunk(torch.cat(features, dim=-1))
        return hidden.view(*places.shape[:-1], -1)


@dataclass(frozen=True)
class TriPlanes:
    """The configuration of a `TriPlane`: cells along the sides of its planes, channels of each, and
    the width of the network. `radius`: as that of voxels.
    """

    resolutions: Sequence[int] = (128, 256, 512)
    channels: int = 16
    width: int = 64
    n_samples: int = 48
    n_coarse: int = 64
    radius: float = 0.0

    groups: ClassVar[tuple[str, ...]] = ("planes", "trunk", "density", "colour")

    def __post_init__(self) -> None:
        check_least(self, "model", channels=1, width=1, n_samples=1, n_coarse=0, radius=0)
        if not self.resolutions or min(self.resolutions) < 2:
            raise ValueError(
                "representation.model.resolutions: expected numbers of 2 or more; got "
                f"{list(self.resolutions)}"
            )

    def __call__(self, capture: Capture) -> TriPlane:
        """A scene for a capture, with the same start for equal settings."""
        sampling = Sampling(self.n_samples, self.n_coarse)
        box = Box.around(capture, self.radius)
        return TriPlane(box, self.resolutions, self.channels, self.width, sampling)


def _even(n: int, channels: int, side: int) -> Tensor:
    """Numbers in [-1, 1], the same in every process."""
    rng = torch.Generator().manual_seed(side)
    return 2 * torch.rand(n, channels, side, side, generator=rng) - 1


def _start(model: TriPlane) -> None:
    """Weights of the layers from a generator of their own: no global state decides them."""
    rng = torch.Generator().manual_seed(0)
    for layer in (model.trunk[0], model.density_head, model.colour_head):
        nn.init.kaiming_uniform_(layer.weight, a=5**0.5, generator=rng)  # type: ignore[arg-type]
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
