"""Volume rendering (Max 1995; Mildenhall et al. 2020, Eq. 3): density and colour along rays.

Shapes: P rays, N samples.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.camera import Rays
from ids.scenes.model import Render

PerRay = Float[Tensor, " P"]
Edges = Float[Tensor, "P edges"]
Samples = Float[Tensor, "P N"]


def weights_of(density: Samples, edges: Edges) -> Samples:
    """The share of each interval in its ray, for a density that is constant within it. They sum to
    the opacity, 1 - exp(-sum of density times length).
    """
    thickness = density * edges.diff(dim=-1)
    before = thickness.cumsum(dim=-1) - thickness
    return torch.exp(-before) * -torch.expm1(-thickness)


def composite(
    weights: Samples, colours: Float[Tensor, "P N 3"], edges: Edges, background: Tensor
) -> Render:
    """What the rays see in front of a background colour [3]."""
    opacity = weights.sum(dim=-1)
    rest = (1 - opacity).clamp(min=0)
    rgb = (weights[..., None] * colours).sum(dim=-2) + rest[:, None] * background
    middles = (edges[:, 1:] + edges[:, :-1]) / 2
    return Render(rgb, (weights * middles).sum(dim=-1) + rest * edges[:, -1], opacity)


def spaced(
    near: PerRay, far: PerRay, n: int, jitter: PerRay | None = None, turn: float | None = None
) -> Edges:
    """Edges of n intervals. Evenly spaced; with `turn`, evenly up to about that distance and evenly
    in 1 / distance beyond (nerfacto). `jitter` in [0, 1) shifts a ray's inner edges by up to an
    interval.
    """
    steps = torch.linspace(0, 1, n + 1, device=near.device, dtype=near.dtype)
    share = steps.expand(len(near), -1)
    if jitter is not None:
        share = (share + (jitter[:, None] - 0.5) / n).clamp(0, 1)
    if turn is None:
        return torch.lerp(near[:, None], far[:, None], share)
    low, high = _warp(near / turn), _warp(far / turn)
    return turn * _unwarp(torch.lerp(low[:, None], high[:, None], share))


def resampled(edges: Edges, weights: Samples, n: int, jitter: PerRay | None = None) -> Edges:
    """Edges of n intervals where the weights are, with a hundredth of them everywhere; without a
    gradient (Mildenhall et al. 2020, hierarchical sampling; widened as in mip-NeRF).
    """
    wide = torch.nn.functional.max_pool1d(weights.detach()[:, None], 3, 1, 1)[:, 0] + 0.01
    total = torch.cat((torch.zeros_like(wide[:, :1]), wide.cumsum(dim=-1)), dim=-1)
    total = total / total[:, -1:]
    u = torch.linspace(0, 1, n + 1, device=edges.device, dtype=edges.dtype).repeat(len(edges), 1)
    if jitter is not None:
        u = (u + (jitter[:, None] - 0.5) / n).clamp(0, 1)
    above = torch.searchsorted(total, u, right=True).clamp(1, edges.shape[1] - 1)
    low, high = total.gather(1, above - 1), total.gather(1, above)
    share = ((u - low) / (high - low)).clamp(0, 1)
    return torch.lerp(edges.gather(1, above - 1), edges.gather(1, above), share)


def within_box(
    rays: Rays, near: PerRay, far: PerRay, low: Tensor, high: Tensor
) -> tuple[Tensor, Tensor]:
    """The parts of the rays within a box; of no length where a ray misses it."""
    inverse = 1 / torch.where(rays.directions.abs() < 1e-9, 1e-9, rays.directions)
    one, other = (low - rays.origins) * inverse, (high - rays.origins) * inverse
    enter = torch.maximum(torch.minimum(one, other).amax(dim=-1), near)
    leave = torch.minimum(torch.maximum(one, other).amin(dim=-1), far)
    missed = enter >= leave
    return torch.where(missed, far, enter), torch.where(missed, far, leave)


def points_on(rays: Rays, edges: Edges) -> Float[Tensor, "P N 3"]:
    """The middles of the intervals."""
    middles = (edges[:, 1:] + edges[:, :-1]) / 2
    return rays.origins[:, None] + middles[..., None] * rays.directions[:, None]


def contracted(points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """All space in the cube [-2, 2]^3; the cube [-1, 1]^3 stays (mip-NeRF 360, Eq. 10, in the
    maximum norm as in nerfacto).
    """
    size = points.abs().amax(dim=-1, keepdim=True).clamp(min=1)
    return (2 - 1 / size) * points / size


def _warp(x: Tensor) -> Tensor:
    return torch.where(x < 1, x / 2, 1 - 1 / (2 * x.clamp(min=1)))


def _unwarp(s: Tensor) -> Tensor:
    return torch.where(s < 0.5, 2 * s, 1 / (2 - 2 * s).clamp(min=1e-6))
