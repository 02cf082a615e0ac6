"""Learned perceptual image patch similarity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Images
from ids.metrics.batches import over_shapes
from ids.metrics.comparison import Maps, Region, mean_over_region, name_of, title_of
from ids.metrics.lpips_network import (
    MIN_SIDES,
    LayerMap,
    LpipsNetwork,
    Net,
    layer_maps,
    unit_length,
)


@dataclass(frozen=True)
class LPIPS:
    """LPIPS 0.1 to the source (Zhang et al. 2018), with the heads of the `lpips` package on an
    ImageNet network; `net`, `backbone` and `sha256` as of `LpipsNetwork`.

    `whole` is the published number: per layer, the mean over its positions. `background` (outside
    the mask) and `edited` are the mean, over exactly those pixels, of the package's spatial map:
    every layer enlarged to the image (bilinear), then added. So regions weigh a layer's border
    differently from `whole`, and features at a region's edge have seen pixels beyond it.
    """

    net: Net = "alex"
    backbone: str | None = None
    sha256: str | None = None
    region: Region = "whole"

    revision = 1
    unit = ""
    digits = 3
    higher_is_better = False

    def __post_init__(self) -> None:
        _ = self.network  # checks its fields

    @property
    def network(self) -> LpipsNetwork:
        """The network, the same for all regions."""
        return LpipsNetwork(self.net, self.backbone, self.sha256)

    @property
    def name(self) -> str:
        return name_of(f"lpips_{self.net}", "source", self.region)

    @property
    def title(self) -> str:
        return title_of(f"LPIPS {self.net}", "source", self.region)

    @property
    def min_side(self) -> int:
        return MIN_SIDES[self.net]

    def files(self) -> list[NeededFile]:
        """The network under the heads."""
        return self.network.files()

    def weights_id(self) -> str:
        """Net and digest of the backbone; `WeightsError` where it is missing or another file."""
        return self.network.weights_id()

    def load(self, models: Models) -> Any:
        """The package's network on the backbone; `WeightsError` where the weights do not fit."""
        return self.network.load(models)

    @torch.no_grad()
    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """0 or more; nan without the mask that it needs. Defined for images of at least `min_side`
        pixels.
        """
        network, device = self.load(models), models.device

        def layers(x: Images, y: Images) -> list[LayerMap]:
            return layer_maps(network, *(2 * image.to(device) - 1 for image in (x, y)), unit_length)

        if self.region == "whole":
            pairs = [(e.image, case.source.load()) for case, e in zip(cases, edits, strict=True)]
            means = over_shapes(pairs, lambda x, y: layer_means(layers(x, y)).sum(1))
            return [float(mean) for mean in means]
        return mean_over_region(
            cases,
            edits,
            models,
            "source",
            self.region,
            lambda x, y: _spatial(layers(x, y), x),
        )


def layer_means(layers: list[LayerMap]) -> Float[Tensor, "B layers"]:
    """Per pair of images and layer, the mean over its positions; LPIPS is their sum."""
    return torch.stack([layer.mean((1, 2, 3)) for layer in layers], dim=1)


def _spatial(layers: list[LayerMap], images: Images) -> Maps:
    """Every layer at the size of the images (bilinear), added."""
    size = images.shape[-2:]
    enlarged = [F.interpolate(layer, size, mode="bilinear") for layer in layers]
    total: Maps = torch.stack(enlarged).sum(0)
    return total
