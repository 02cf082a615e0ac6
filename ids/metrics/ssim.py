"""Structural similarity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.comparison import Against, Region, mean_over_region, name_of, title_of

RADIUS, SIGMA = 5, 1.5  # of the Gaussian window, in pixels
GAUSSIAN = [math.exp(-(d**2) / (2 * SIGMA**2)) for d in range(-RADIUS, RADIUS + 1)]
WINDOW = [weight / sum(GAUSSIAN) for weight in GAUSSIAN]
C1, C2 = 0.01**2, 0.03**2  # of images in [0, 1]
Planes = Float[Tensor, "*planes height width"]
Plane = Float[Tensor, "height width"]
AnyPlane = Float[Tensor, "_ _"]


@dataclass(frozen=True)
class SSIM:
    """SSIM (Wang et al. 2004; Gaussian window, sigma 1.5) to the source or the true edit: the mean
    of its map over the pixels of the whole image, of the background (outside the mask) or of the
    edited region. At most 1. The window reads 5 pixels beyond a region.
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
        """nan without the true edit or mask that it needs."""
        return mean_over_region(cases, edits, models, self.against, self.region, ssim_map)


def ssim_map(x: Planes, y: Planes, clamped: bool = True) -> Planes:
    """SSIM at every pixel of every plane (Wang et al. 2004, eq. 13), planes mirrored at the border.
    With `clamped`, local variances that rounding makes negative are 0.

    One plane at a time: what it needs fits into a processor's cache, twice as fast as one
    convolution over all.
    """
    planes = zip(x.flatten(0, -3), y.flatten(0, -3), strict=True)
    found: Planes = torch.stack([_of_plane(p, q, clamped) for p, q in planes]).view(x.shape)
    return found


def _of_plane(x: Plane, y: Plane, clamped: bool) -> Plane:
    mu_x, mu_y = _blurred(x), _blurred(y)
    var_x, var_y = _blurred(x * x) - mu_x**2, _blurred(y * y) - mu_y**2
    if clamped:
        var_x, var_y = var_x.clamp(min=0), var_y.clamp(min=0)
    luminance = (2 * mu_x * mu_y + C1) / (mu_x**2 + mu_y**2 + C1)
    covariance = _blurred(x * y) - mu_x * mu_y
    similarity: Plane = luminance * (2 * covariance + C2) / (var_x + var_y + C2)
    return similarity


def _blurred(plane: Plane) -> Plane:
    """The mean in the window around each pixel: first down the columns, then along the rows."""
    padded = F.pad(plane[None, None], [RADIUS] * 4, mode="reflect")[0, 0]
    return _weighted(_weighted(padded, 0), 1)


def _weighted(padded: AnyPlane, dim: int) -> AnyPlane:
    """The weighted sum of shifted copies: the window along one dimension."""
    length = padded.shape[dim] - 2 * RADIUS
    total: AnyPlane = padded.narrow(dim, 0, length) * WINDOW[0]
    for shift, weight in enumerate(WINDOW[1:], start=1):
        total.add_(padded.narrow(dim, shift, length), alpha=weight)
    return total
