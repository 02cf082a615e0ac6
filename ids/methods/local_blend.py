"""Prompt-to-Prompt's local blend: an edit kept to where its words look."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

Attended = Float[Tensor, "B 2 queries"]  # by the marked words of source and target, over all steps


@dataclass(frozen=True)
class LocalBlend:
    """After the first `start` of the steps, the target's latent is the source's wherever neither
    prompt's blend words attend (Hertz et al. 2022, section 4; as released).

    The maps are the cross-attention at `side` of the latent's sides, summed over steps, spread by a
    pixel, against `threshold` of their largest value.
    """

    start: float = 0.2
    threshold: float = 0.3
    side: float = 0.25

    def __post_init__(self) -> None:
        for name in ("start", "threshold", "side"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"method.blend.{name}: expected 0 to 1; got {getattr(self, name)}")

    def map_size(self, size: tuple[int, int]) -> tuple[int, int]:
        height, width = (int(side * self.side + 0.5) for side in size)
        return height, width

    def __call__(
        self,
        z: Float[Tensor, "rows C H W"],
        attended: Attended,
        step: int,
        n_steps: int,
        worded: Bool[Tensor, " B"],
    ) -> Float[Tensor, "rows C H W"]:
        """`z` has B source rows and B target rows; cases that are not `worded` stay as they are."""
        if step < int(self.start * n_steps):
            return z
        source, target = z.chunk(2)
        size = (z.shape[2], z.shape[3])
        maps = attended.unflatten(2, self.map_size(size))
        kept = mask(maps, size, self.threshold, spread=True).to(z)
        blended = source + kept * (target - source)
        return torch.cat([source, torch.where(worded.view(-1, 1, 1, 1), blended, target)])


def mask(
    maps: Float[Tensor, "B 2 height width"], size: tuple[int, int], threshold: float, spread: bool
) -> Tensor:
    """True, [B 1 H W], where the source's map or the target's is above the threshold."""
    if spread:
        maps = max_pool2d(maps, 3, 1, 1)
    maps = interpolate(maps, size=size)
    maps = maps / maps.amax((2, 3), keepdim=True)
    above: Tensor = (maps > threshold).any(1, keepdim=True)
    return above
