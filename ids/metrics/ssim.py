"""Structural similarity."""

import math
from dataclasses import dataclass

from ids.core.records import EditCase, Edited
from ids.metrics.compared import background_of, checked_comparison, name_of, reference_of


@dataclass(frozen=True)
class SSIM:
    """SSIM (Wang et al. 2004; Gaussian window, sigma 1.5), against the source or the true edit.

    Outside the mask it is the mean of the SSIM map over the pixels there.
    """

    against: str = "source"
    region: str = "whole"

    version = 1
    unit = ""
    higher_is_better = True
    min_side = 11  # its window's

    def __post_init__(self) -> None:
        checked_comparison("ssim", self.against, self.region)

    @property
    def name(self) -> str:
        return name_of("ssim", self.against, self.region)

    def basis(self) -> str:
        return ""

    def __call__(self, case: EditCase, edited: Edited) -> float:
        from torchmetrics.functional.image import structural_similarity_index_measure

        reference = reference_of(case, self.against)
        if reference is None:
            return math.nan
        image, reference = edited.image.unsqueeze(0), reference.unsqueeze(0)
        mean, full = structural_similarity_index_measure(
            image, reference, data_range=1.0, return_full_image=True
        )
        if self.region == "whole":
            return float(mean)
        outside = background_of(case, edited)
        return math.nan if outside is None else float(full[0][:, outside].mean())
