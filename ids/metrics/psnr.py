"""Peak signal-to-noise ratio."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.comparison import Against, Region, name_of, title_of
from ids.metrics.mse import MSE


@dataclass(frozen=True)
class PSNR:
    """PSNR in dB of images in [0, 1], to the source or the true edit, over the whole image, the
    background (outside the mask) or the edited region.

    In a region, the mean is over its pixels alone. (PIE-Bench's code blackens the other pixels and
    averages over all: its numbers grow with the size of what it removes; see `ids.metrics.pie`.)
    """

    against: Against = "source"
    region: Region = "whole"

    revision = 2  # 1: equal images were undefined
    unit = "dB"
    digits = 2
    higher_is_better = True
    min_side = 1

    @property
    def name(self) -> str:
        return name_of("psnr", self.against, self.region)

    @property
    def title(self) -> str:
        return title_of("PSNR", self.against, self.region)

    def weights_id(self) -> str:
        """Empty: no network."""
        return ""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """In dB, infinite for equal images; nan without the true edit or mask that it needs."""
        return [decibels(mse) for mse in MSE(self.against, self.region)(cases, edits, models)]


def decibels(mse: float) -> float:
    """-10 log10(mse): the PSNR of images in [0, 1]. Infinite for 0, nan for nan."""
    return math.inf if mse == 0 else -10 * math.log10(mse)
