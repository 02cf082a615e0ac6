"""Prompt-to-Prompt's local blend: an edit restricted to where its words attend."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

Size = tuple[int, int]  # height and width
Maps = Float[Tensor, "B 2 height width"]  # of source and target
Attended = Float[Tensor, "B 2 queries"]  # to blend words of source and target, summed over steps


@dataclass(frozen=True)
class LocalBlend:
    """After the first `start` of the steps, the source's latent replaces the target's wherever the
    blend words of neither prompt attend (Hertz et al. 2022, section 4; as released).

    They attend where the cross-attention at `side` of the latent's sides, summed over steps and
    dilated by a pixel, exceeds `threshold` of its maximum.
    """

    start: float = 0.2
    threshold: float = 0.3
    side: float = 0.25

    revision: ClassVar[int] = 2  # 2: maps of latents with odd sides are found

    def __post_init__(self) -> None:
        for name in ("start", "threshold", "side"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"method.blend.{name}: expected 0 to 1; got {getattr(self, name)}")
        if self.side == 0:
            raise ValueError("method.blend.side: expected more than 0; take method.blend=null")

    def map_size(self, size: Size) -> Size:
        """The size of the attention maps that it reads, for latents of this size."""
        return scaled(size, self.side)

    def __call__(
        self,
        z: Float[Tensor, "rows C H W"],
        attended: Attended,
        step: int,
        n_steps: int,
        worded: Bool[Tensor, " B"],
    ) -> Float[Tensor, "rows C H W"]:
        """The blended latents. `z` [2B, C, H, W] has the source rows first; cases that are not
        `worded` (without blend words) are not changed.
        """
        if step < int(self.start * n_steps):
            return z
        source, target = z.chunk(2)
        size = (z.shape[2], z.shape[3])
        maps = attended.unflatten(2, self.map_size(size))
        kept = mask(spread(maps), size, self.threshold).to(z)
        blended = source + kept * (target - source)
        return torch.cat([source, torch.where(worded.view(-1, 1, 1, 1), blended, target)])


def scaled(size: Size, side: float) -> Size:
    """The size of maps with this share of the sides, rounded up as networks do."""
    return math.ceil(size[0] * side), math.ceil(size[1] * side)


def spread(maps: Maps) -> Maps:
    """Dilated by a pixel in all directions."""
    wider: Maps = max_pool2d(maps, 3, 1, 1)
    return wider


def mask(maps: Maps, size: Size, threshold: float) -> Bool[Tensor, "B 1 H W"]:
    """Where the source's or the target's map exceeds `threshold` times its maximum."""
    maps = interpolate(maps, size=size)
    maps = maps / maps.amax((2, 3), keepdim=True)
    above: Tensor = (maps > threshold).any(1, keepdim=True)
    return above
