"""A scene of 3D Gaussians."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.capture import Similarity

C0 = 0.28209479177387814  # the constant spherical harmonic


@dataclass(frozen=True, eq=False)
class GaussianCloud:
    """N Gaussians in one world. `rotations`: the columns are the axes, along which `scales` are the
    standard deviations. `opacities` in (0, 1). `harmonics`: coefficients of the colour's real
    spherical harmonics, constant first, K = 1, 4, 9 or 16 of degree 0 to 3 (Kerbl et al. 2023).
    """

    means: Float[Tensor, "N 3"]
    scales: Float[Tensor, "N 3"]
    rotations: Float[Tensor, "N 3 3"]
    opacities: Float[Tensor, "N"]
    harmonics: Float[Tensor, "N K 3"]

    @property
    def covariances(self) -> Float[Tensor, "N 3 3"]:
        """R S S R^T."""
        axes = self.rotations * self.scales[:, None, :]
        return axes @ axes.mT

    def colours(self, centre: Float[Tensor, "3"] | None = None) -> Float[Tensor, "N 3"]:
        """RGB, at least 0, as seen from a camera at `centre`; without one, the constant part."""
        if centre is None:
            return 0.5 + C0 * self.harmonics[:, 0]
        directions = torch.nn.functional.normalize(self.means - centre, dim=-1)
        waves = harmonics(directions, self.harmonics.shape[1])
        return (0.5 + (waves[..., None] * self.harmonics).sum(dim=1)).clamp(min=0)

    def moved(self, similarity: Similarity) -> "GaussianCloud":
        """The same Gaussians in another frame; the directions of their colours turn with them."""
        turn = similarity.rotation.to(self.means)
        return replace(
            self,
            means=similarity(self.means).to(self.means),
            scales=self.scales * similarity.scale,
            rotations=turn @ self.rotations,
            harmonics=_turned(self.harmonics, turn),
        )


def harmonics(directions: Float[Tensor, "N 3"], count: int) -> Float[Tensor, "N K"]:
    """The first `count` (1, 4, 9, 16) real spherical harmonics at unit directions, in the order and
    with the signs of the released 3D Gaussian Splatting.
    """
    x, y, z = directions.unbind(dim=-1)
    first = math.sqrt(3 / (4 * math.pi))
    second, third = math.sqrt(15 / math.pi), 1 / math.sqrt(math.pi)
    waves = (
        torch.full_like(x, C0),
        *(-first * y, first * z, -first * x),
        second / 2 * x * y,
        -second / 2 * y * z,
        math.sqrt(5 / math.pi) / 4 * (2 * z * z - x * x - y * y),
        -second / 2 * x * z,
        second / 4 * (x * x - y * y),
        -math.sqrt(35 / 2) / 4 * third * y * (3 * x * x - y * y),
        math.sqrt(105) / 2 * third * x * y * z,
        -math.sqrt(21 / 2) / 4 * third * y * (4 * z * z - x * x - y * y),
        math.sqrt(7) / 4 * third * z * (2 * z * z - 3 * x * x - 3 * y * y),
        -math.sqrt(21 / 2) / 4 * third * x * (4 * z * z - x * x - y * y),
        math.sqrt(105) / 4 * third * z * (x * x - y * y),
        -math.sqrt(35 / 2) / 4 * third * x * (x * x - 3 * y * y),
    )
    return torch.stack(waves[:count], dim=-1)


def _turned(values: Float[Tensor, "N K 3"], turn: Float[Tensor, "3 3"]) -> Float[Tensor, "N K 3"]:
    """Coefficients of the turned colours: each degree is mixed within itself, by the matrix that
    maps its harmonics at some directions to those at the turned ones.
    """
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(64, 3, generator=generator, dtype=torch.float64)
    directions = directions / directions.norm(dim=-1, keepdim=True)
    count = values.shape[1]
    before = harmonics(directions, count)
    after = harmonics(directions @ turn.cpu().double().T, count)
    parts = []
    for degree in range(math.isqrt(count)):
        part = slice(degree**2, (degree + 1) ** 2)
        mix = torch.linalg.lstsq(after[:, part], before[:, part]).solution.to(values)
        parts.append(torch.einsum("ij,njc->nic", mix, values[:, part]))
    return torch.cat(parts, dim=1)
