"""Structural similarity as PIE-Bench's released evaluation computes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Images, PerRow
from ids.metrics.pie.parts import Part, Stack, mean_over_parts, pie_name, pie_title
from ids.metrics.ssim import RADIUS, ssim_map


@dataclass(frozen=True)
class PieSSIM:
    """Mean of the SSIM map of source and edit in [0, 1], both times the part: 0 in both is perfect
    similarity, and counts (calculate_ssim).

    The released code leaves the map to torchmetrics. `reference` (1.2.0, of published tables)
    drops 5 pixels at each side; `current` (1.9.0) keeps the whole map, and clamps local
    variances to 0 or more.
    """

    part: Part = "whole"
    stack: Stack = "reference"

    revision = 1
    unit = ""
    digits = 4
    higher_is_better = True
    min_side = 2 * RADIUS + 1

    @property
    def name(self) -> str:
        return pie_name("ssim", self.part, self.stack)

    @property
    def title(self) -> str:
        return pie_title("SSIM", self.part, self.stack)

    def weights_id(self) -> str:
        """Empty: no network."""
        return ""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """At most 1; nan for an empty part."""
        mean = {"reference": _cropped, "current": _whole}[self.stack]
        return mean_over_parts(cases, edits, models, self.part, mean)


def _cropped(x: Images, y: Images) -> PerRow:
    inner = slice(RADIUS, -RADIUS)
    mean: PerRow = ssim_map(x, y, clamped=False)[..., inner, inner].mean((1, 2, 3))
    return mean


def _whole(x: Images, y: Images) -> PerRow:
    mean: PerRow = ssim_map(x, y).mean((1, 2, 3))
    return mean
