"""Structural similarity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Image
from ids.metrics.comparison import (
    Against,
    Region,
    background_of,
    image_against,
    name_of,
    title_of,
)

RADIUS, SIGMA = 5, 1.5  # of the Gaussian window, in pixels
GAUSSIAN = [math.exp(-(d**2) / (2 * SIGMA**2)) for d in range(-RADIUS, RADIUS + 1)]
WINDOW = torch.tensor([weight / sum(GAUSSIAN) for weight in GAUSSIAN], dtype=torch.float64)
C1, C2 = 0.01**2, 0.03**2  # of images in [0, 1]


@dataclass(frozen=True)
class SSIM:
    """SSIM (Wang et al. 2004; Gaussian window, sigma 1.5) against the source or the true edit: the
    mean of its map over all pixels, or over those outside the mask. At most 1.
    """

    against: Against = "source"
    region: Region = "whole"

    revision = 1
    unit = ""
    digits = 3
    higher_is_better = True
    min_side = 2 * RADIUS + 1  # of the window

    @property
    def name(self) -> str:
        return name_of("ssim", self.against, self.region)

    @property
    def title(self) -> str:
        return title_of("SSIM", self.against, self.region)

    def weights_id(self) -> str:
        """Empty: no network."""
        return ""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """nan without a true edit or mask where one is needed."""
        return [self._ssim(*pair) for pair in zip(cases, edits, strict=True)]

    def _ssim(self, case: EditCase, edited: Edited) -> float:
        reference = image_against(case, self.against)
        if reference is None:
            return math.nan
        similarity = ssim_map(edited.image, reference)
        if self.region == "whole":
            return float(similarity.mean())
        outside = background_of(case, edited)
        return math.nan if outside is None else float(similarity[:, outside].mean())


def ssim_map(x: Image, y: Image) -> Image:
    """SSIM at every pixel and channel (Wang et al. 2004, eq. 13), images mirrored at the border."""
    moments = torch.cat([x, y, x * x, y * y, x * y])
    n, window = len(moments), WINDOW.to(x)
    padded = F.pad(moments.unsqueeze(0), [RADIUS] * 4, mode="reflect")
    rows = F.conv2d(padded, window.view(1, 1, -1, 1).repeat(n, 1, 1, 1), groups=n)
    blurred = F.conv2d(rows, window.view(1, 1, 1, -1).repeat(n, 1, 1, 1), groups=n)
    mu_x, mu_y, xx, yy, xy = blurred[0].unflatten(0, (5, -1))
    var_x, var_y = (xx - mu_x**2).clamp(min=0), (yy - mu_y**2).clamp(min=0)
    luminance = (2 * mu_x * mu_y + C1) / (mu_x**2 + mu_y**2 + C1)
    similarity: Image = luminance * (2 * (xy - mu_x * mu_y) + C2) / (var_x + var_y + C2)
    return similarity
