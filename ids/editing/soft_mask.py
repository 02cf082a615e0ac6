"""Soft masks: finishes that keep an edit where it changes most, and the source elsewhere."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from ids.core.options import check_options
from ids.core.tensors import Latent, PositionMap


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
    """z_src + m (z_trg - z_src) with m = min(1, (n / n_q)^power), n_q the quantile of n over the
    positions of a row. What changes n of least is returned to the source. m is in [0, 1], and does
    not depend on the scale of n.

    n is the norm over channels of the `displacement` z_trg - z_src, or of the `gradient` in z_trg,
    averaged over the steps so far: for DDS the difference of two noise predictions. Where n is 0
    everywhere, the source is returned.
    """

    of: Literal["displacement", "gradient"] = "displacement"
    quantile: float = 0.85
    power: float = 1.0

    def __post_init__(self) -> None:
        check_options(self)
        if not 0 <= self.quantile <= 1:
            raise ValueError(f"finish.quantile: expected 0 to 1; got {self.quantile}")
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
        wide = n.flatten(1).to(torch.promote_types(n.dtype, torch.float32))
        top = torch.quantile(wide, self.quantile, dim=1).view(-1, 1, 1, 1)
        m = (n / top) ** self.power
        return torch.where(n >= top, torch.ones_like(m), m)


def position_norm(z: Latent) -> PositionMap:
    """The norm over channels at each position."""
    return torch.linalg.vector_norm(z, dim=1, keepdim=True)
