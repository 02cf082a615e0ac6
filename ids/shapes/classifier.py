"""The classifier of the embedded world: fill, colour and shape of an image, and those of the wide
captions. Used for evaluation, never for editing.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ids.shapes.scene import VALUES, Values

WIDTHS = (16, 32, 64, 96)


class Classifier(nn.Module):
    """A small convolutional network on RGB images in [0, 1] of about 64 pixels a side; 0.25 M
    parameters. `values`: what it reads, by attribute.
    """

    def __init__(self, values: Values = VALUES) -> None:
        super().__init__()
        self.values = values
        stages: list[nn.Module] = []
        for width, wider in zip((3, *WIDTHS[:-1]), WIDTHS, strict=True):
            stages.append(
                nn.Sequential(
                    nn.Conv2d(width, wider, 3, stride=2, padding=1),
                    nn.GroupNorm(8, wider),
                    nn.SiLU(),
                    nn.Conv2d(wider, wider, 3, padding=1),
                    nn.GroupNorm(8, wider),
                    nn.SiLU(),
                )
            )
        self.stages = nn.ModuleList(stages)
        self.heads = nn.ModuleDict(
            {a: nn.Linear(2 * WIDTHS[-1], len(known)) for a, known in values.items()}
        )

    def features(self, x: Float[Tensor, "B 3 H W"]) -> list[Tensor]:
        """The maps after each stage, each half as high and wide as the one before."""
        maps, h = [], x * 2 - 1
        for stage in self.stages:
            h = stage(h)
            maps.append(h)
        return maps

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> dict[str, Float[Tensor, "B K"]]:
        """Logits over the values of each attribute, in their order."""
        h = self.features(x)[-1]
        pooled = torch.cat([h.mean((2, 3)), h.amax((2, 3))], dim=1)
        return {attribute: head(pooled) for attribute, head in self.heads.items()}

    @torch.no_grad()
    def read(self, x: Float[Tensor, "B 3 H W"]) -> Int[Tensor, "B attributes"]:
        """The most likely value of each attribute, in the order of `values`."""
        logits = self(x)
        return torch.stack([logits[attribute].argmax(1) for attribute in self.values], dim=1)

    def shows(self, read: Int[Tensor, " attributes"], wanted: Mapping[Any, str]) -> bool:
        """Is each wanted value the one that was read of an image?"""
        found = {a: known[int(k)] for (a, known), k in zip(self.values.items(), read, strict=True)}
        return all(found[attribute] == value for attribute, value in wanted.items())
