"""Soft masks: finishes that keep an edit where it changes most, and the source elsewhere."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.options import check_options
from ids.core.tensors import Latent, PerRow, PositionMap


@dataclass(frozen=True)
class NoFinish:
    """The result as the editor leaves it."""

    neutral: ClassVar[bool] = True
    reads_gradient: ClassVar[bool] = False

    def __call__(self, z_src: Latent, z_trg: Latent, gradient: PositionMap | None) -> Latent:
        """z_trg."""
        return z_trg


@dataclass(frozen=True)
class SoftMask:
    """z_src + m (z_trg - z_src) with m = min(1, (n / n_q)^power), n_q the `quantile` of n over the
    positions of a row: where n is small, the source returns. m is in [0, 1] and does not depend on
    the scale of n.

    n is the norm over channels of the `displacement` z_trg - z_src, or of the `gradient` in z_trg,
    averaged over the steps so far: for DDS the difference of two noise predictions. The quantile
    None is 1 - `spread(n)`: an edit of a small region keeps that region whole, an edit of the whole
    image is left as it is.
    """

    of: Literal["displacement", "gradient"] = "displacement"
    quantile: float | None = None
    power: float = 1.0

    def __post_init__(self) -> None:
        check_options(self)
        if self.quantile is not None and not 0 <= self.quantile <= 1:
            raise ValueError(f"finish.quantile: expected 0 to 1, or null; got {self.quantile}")
        if not self.power >= 0:
            raise ValueError(f"finish.power: expected 0 or more; got {self.power}")

    @property
    def reads_gradient(self) -> bool:
        """Is the mask one of gradients?"""
        return self.of == "gradient"

    def __call__(self, z_src: Latent, z_trg: Latent, gradient: PositionMap | None) -> Latent:
        """The finished z_trg: exactly z_trg where m is 1, and exactly z_src where it is 0."""
        n = position_norm(z_trg - z_src) if gradient is None else gradient
        return torch.lerp(z_src, z_trg, self.mask(n).to(z_trg))

    def mask(self, n: PositionMap) -> PositionMap:
        """m of the norms n, each row by itself."""
        n = n.to(torch.promote_types(n.dtype, torch.float32))
        share = 1 - spread(n)
        if self.quantile is not None:
            share = torch.full_like(share, self.quantile)
        top = quantile(n.flatten(1), share).view(-1, 1, 1, 1)
        m = (n / top) ** self.power
        return torch.where(n >= top, torch.ones_like(m), m)


def spread(n: PositionMap) -> PerRow:
    """The share of the positions that n is spread over, in energy: (mean n^2)^2 / mean n^4. It is s
    where n is constant on a share s of the positions and 0 elsewhere; 1 for n = 0.
    """
    n = n.flatten(1)
    energy = (n / n.amax(1, keepdim=True).clamp_min(torch.finfo(n.dtype).tiny)).square()
    mean, square = energy.mean(1), energy.square().mean(1)
    return torch.where(square > 0, mean.square() / square, torch.ones_like(mean)).clamp(0, 1)


def quantile(values: Float[Tensor, "B n"], share: PerRow) -> PerRow:
    """The quantile of each row, with a share of its own; interpolated between neighbours."""
    ordered = values.sort(dim=1).values
    place = (share * (values.shape[1] - 1)).unsqueeze(1)
    low, high = (ordered.gather(1, at.long()) for at in (place.floor(), place.ceil()))
    return torch.lerp(low, high, place.frac()).squeeze(1)


def position_norm(z: Latent) -> PositionMap:
    """The norm over channels at each position."""
    norm: PositionMap = torch.linalg.vector_norm(z, dim=1, keepdim=True)
    return norm
