"""A grid of densities and colours: the scene model for a CPU."""

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
from ids.scenes.sampling import Places, Sampling
from ids.scenes.volume import Samples, composite, weights_of

EMPTY = -4.0  # density before its activation, of a new scene
GREY = 0.5  # of a new scene: colours are linear, so that saturated ones can be edited
VISIBLE = 1e-4  # weights of samples whose colour is looked up
BLOCK = 32  # cells a side of the part in which roughness is measured


class VoxelGrid(nn.Module):
    """Density and colour at grid points, with linear interpolation between them. A colour does not
    depend on the direction (DVGO, Sun et al. 2022, without its network).
    """

    def __init__(self, box: Box, resolution: int, sampling: Sampling) -> None:
        super().__init__()
        shape = box.shape(resolution)
        self.box, self.sampling = box, sampling
        self.density = nn.Parameter(torch.zeros(1, 1, *shape))
        self.colour = nn.Parameter(torch.zeros(1, 3, *shape))
        self.background = nn.Parameter(torch.zeros(3))

    def groups(self) -> Sequence[ParameterGroup]:
        """`density`; `colour`, with that of the background."""
        return [
            ParameterGroup("density", [self.density]),
            ParameterGroup("colour", [self.colour, self.background]),
        ]

    def render(self, camera: Camera, pixels: Pixels | None = None) -> Render:
        """These pixels; None: all."""
        return self.trace(*pick(camera, pixels))

    def trace(
        self, rays: Rays, near: Tensor, far: Tensor, jitter: Float[Tensor, " P"] | None = None
    ) -> Render:
        """Rays between two distances."""
        edges, places = self.sampling(self.box, rays, near, far, self._density, jitter)
        weights = weights_of(self._density(places), edges)
        seen = weights.detach() > VISIBLE
        colours = torch.zeros_like(places)
        colours[seen] = GREY + _looked_up(self.colour, places[seen])
        return composite(weights, colours, edges, GREY + self.background)

    def roughness(self, rng: torch.Generator) -> Tensor:
        """Mean squared difference of neighbours in a random block, of density and colour."""
        sizes = self.density.shape[2:]
        starts = [int(torch.randint(max(n - BLOCK, 0) + 1, (1,), generator=rng)) for n in sizes]
        z, y, x = (slice(start, start + BLOCK) for start in starts)
        grids = self.density[..., z, y, x], self.colour[..., z, y, x]
        return sum(
            (grid.diff(dim=axis).square().mean() for grid in grids for axis in (2, 3, 4)),
            start=torch.zeros((), device=self.density.device),
        )

    def _density(self, places: Places) -> Samples:
        """Per unit of length; a cell of a new scene is almost transparent."""
        raw = _looked_up(self.density, places.reshape(-1, 3)).view(places.shape[:-1])
        cells = max(self.density.shape[2:]) // (2 if self.box.open else 1)
        cell = self.box.side / cells
        return F.softplus(raw + EMPTY) / cell


@dataclass(frozen=True)
class Voxels:
    """The configuration of a `VoxelGrid`: `resolution` cells along the longest side of its box,
    which lies around the capture's points, or reaches `radius` from the origin.
    """

    resolution: int = 64
    n_samples: int = 64
    n_coarse: int = 0
    radius: float = 0.0

    groups: ClassVar[tuple[str, ...]] = ("density", "colour")

    def __post_init__(self) -> None:
        check_least(self, "model", resolution=2, n_samples=1, n_coarse=0, radius=0)

    def __call__(self, capture: Capture) -> VoxelGrid:
        """An empty scene for a capture."""
        box = Box.around(capture, self.radius)
        return VoxelGrid(box, self.resolution, Sampling(self.n_samples, self.n_coarse))


def _looked_up(grid: Tensor, places: Float[Tensor, "n 3"]) -> Tensor:
    """Values [n, C] (without C where it is 1) at places in [-1, 1]; zero-padded outside."""
    found = F.grid_sample(grid, places.view(1, 1, 1, -1, 3), align_corners=True)
    return found[0, :, 0, 0].T.squeeze(-1)
