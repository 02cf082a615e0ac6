"""LPIPS as PIE-Bench's released evaluation computes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Features, Images, PerRow
from ids.metrics.lpips import layer_means
from ids.metrics.lpips_network import MIN_SIDES, LpipsNetwork, layer_maps, unit_length
from ids.metrics.pie.parts import Part, Stack, mean_over_parts, pie_name, pie_title

NET = "squeeze"


@dataclass(frozen=True)
class PieLPIPS:
    """LPIPS on SqueezeNet of source and edit, both times the part, then scaled to [-1, 1]: what the
    part removes is black (-1) in both, and counts (calculate_lpips). `backbone` and `sha256` as of
    `ids.metrics.lpips_network.LpipsNetwork`.

    The released code leaves the distance to torchmetrics. Features are scaled to unit length by
    f / (|f| + 1e-10) in `reference` (1.2.0, of published tables, and the `lpips` package), by
    f / sqrt(|f|^2 + 1e-8) in `current` (1.9.0).
    """

    part: Part = "whole"
    stack: Stack = "reference"
    backbone: str | None = None
    sha256: str | None = None

    revision = 1
    unit = ""
    digits = 4
    higher_is_better = False
    min_side = MIN_SIDES[NET]

    def __post_init__(self) -> None:
        _ = self.network  # checks its fields

    @property
    def network(self) -> LpipsNetwork:
        """SqueezeNet, the same for all parts."""
        return LpipsNetwork(NET, self.backbone, self.sha256)

    @property
    def name(self) -> str:
        return pie_name("lpips", self.part, self.stack)

    @property
    def title(self) -> str:
        return pie_title("LPIPS", self.part, self.stack)

    def files(self) -> list[NeededFile]:
        """The network under the heads."""
        return self.network.files()

    def weights_id(self) -> str:
        """Net and digest of the backbone; `WeightsError` where it is missing or another file."""
        return self.network.weights_id()

    def load(self, models: Models) -> Any:
        """The network; `WeightsError` where the weights do not fit."""
        return self.network.load(models)

    @torch.no_grad()
    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """0 or more; nan for an empty part."""
        network = self.load(models)

        def distance(x: Images, y: Images) -> PerRow:
            return layers_of(network, x, y, self.stack).sum(1)

        return mean_over_parts(cases, edits, models, self.part, distance)


@torch.no_grad()
def layers_of(network: Any, x: Images, y: Images, stack: Stack) -> Float[Tensor, "B layers"]:
    """What each layer of the network adds to the distance of two parts in [0, 1]."""
    return layer_means(layer_maps(network, 2 * x - 1, 2 * y - 1, UNITS[stack]))


def _unit_length_today(features: Features) -> Features:
    scaled: Features = features / (features.square().sum(1, keepdim=True) + 1e-8).sqrt()
    return scaled


UNITS: dict[Stack, Callable[[Features], Features]] = {
    "reference": unit_length,
    "current": _unit_length_today,
}
