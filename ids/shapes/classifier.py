"""The classifier of the embedded world: fill, colour and shape of an image. Used for evaluation,
never for editing.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ids.shapes.scene import VALUES, Attribute

WIDTHS = (16, 32, 64, 96)


class Classifier(nn.Module):
    """A small convolutional network on RGB images in [0, 1] of about 64 pixels a side; 0.25 M
    parameters.
    """

    def __init__(self) -> None:
        super().__init__()
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
            {a: nn.Linear(2 * WIDTHS[-1], len(values)) for a, values in VALUES.items()}
        )

    def features(self, x: Float[Tensor, "B 3 H W"]) -> list[Tensor]:
        """The maps after each stage, each half as high and wide as the one before."""
        maps, h = [], x * 2 - 1
        for stage in self.stages:
            h = stage(h)
            maps.append(h)
        return maps

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> dict[Attribute, Float[Tensor, "B K"]]:
        """Logits over the values of each attribute, in the order of `scene.VALUES`."""
        h = self.features(x)[-1]
        pooled = torch.cat([h.mean((2, 3)), h.amax((2, 3))], dim=1)
        return {attribute: self.heads[attribute](pooled) for attribute in VALUES}
