"""Peak signal-to-noise ratio."""

import math
from dataclasses import dataclass

from ids.core.records import EditCase, Edited
from ids.metrics.comparison import background_of, checked_comparison, image_against, name_of


@dataclass(frozen=True)
class PSNR:
    """PSNR in dB, of images in [0, 1], against the source or the true edit, whole or outside the
    mask.

    Outside the mask it averages over the pixels there alone. (PIE-Bench's code blackens the masked
    pixels and averages over all: its numbers grow with the mask.) Equal images have no finite
    PSNR: nan.
    """

    against: str = "source"
    region: str = "whole"

    version = 1
    unit = "dB"
    higher_is_better = True
    min_side = 1

    def __post_init__(self) -> None:
        checked_comparison("psnr", self.against, self.region)

    @property
    def name(self) -> str:
        return name_of("psnr", self.against, self.region)

    def weights_id(self) -> str:
        return ""

    def __call__(self, case: EditCase, edited: Edited) -> float:
        reference = image_against(case, self.against)
        if reference is None:
            return math.nan
        image = edited.image
        if self.region == "background":
            outside = background_of(case, edited)
            if outside is None:
                return math.nan
            image, reference = image[:, outside], reference[:, outside]
        mse = float((image - reference).square().mean())
        return -10 * math.log10(mse) if mse > 0 else math.nan
