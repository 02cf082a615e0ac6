"""Peak signal-to-noise ratio."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.comparison import (
    Against,
    Region,
    background_of,
    image_against,
    name_of,
    title_of,
)


@dataclass(frozen=True)
class PSNR:
    """PSNR in dB of images in [0, 1], against the source or the true edit, over the whole image or
    outside the mask.

    Outside the mask, the mean is over those pixels alone. (PIE-Bench's code blackens the masked
    pixels and averages over all pixels: its numbers grow with the mask.) Equal images have no
    finite PSNR: nan.
    """

    against: Against = "source"
    region: Region = "whole"

    revision = 1
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
        """In dB; nan without a true edit or mask where one is needed, and for equal images."""
        return [self._psnr(*pair) for pair in zip(cases, edits, strict=True)]

    def _psnr(self, case: EditCase, edited: Edited) -> float:
        image, reference = edited.image, image_against(case, self.against)
        if reference is None:
            return math.nan
        if self.region == "background":
            outside = background_of(case, edited)
            if outside is None:
                return math.nan
            image, reference = image[:, outside], reference[:, outside]
        mse = float((image - reference).square().mean())
        return -10 * math.log10(mse) if mse > 0 else math.nan
