"""Structural similarity."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Image
from ids.metrics.batches import over_defined
from ids.metrics.comparison import Against, Region, compared_with, name_of, title_of
from ids.metrics.feature_cache import TensorCache

RADIUS, SIGMA = 5, 1.5  # of the Gaussian window, in pixels
GAUSSIAN = [math.exp(-(d**2) / (2 * SIGMA**2)) for d in range(-RADIUS, RADIUS + 1)]
WINDOW = [weight / sum(GAUSSIAN) for weight in GAUSSIAN]
C1, C2 = 0.01**2, 0.03**2  # of images in [0, 1]
Planes = Float[Tensor, "*planes height width"]
Plane = Float[Tensor, "height width"]
Stack = Float[Tensor, "n height width"]
AnyStack = Float[Tensor, "n _ _"]
Pixels = Bool[Tensor, "height width"]
NEWEST = 16  # of maps and moments, some megabytes each: two batches of pairs


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
        maps = models.get(_Maps, lambda: _Maps(models.device))
        pairs = zip(cases, edits, strict=True)
        compared = [
            compared_with(case, edited, self.against, self.region) for case, edited in pairs
        ]
        return over_defined(compared, lambda known: [maps.mean(*one) for one in known])


@dataclass(frozen=True)
class _Maps:
    """The SSIM maps of the newest pairs of images: all regions of a pair share its map, and all
    edits of a source its local means and variances.
    """

    device: torch.device
    _maps: TensorCache = field(default_factory=lambda: TensorCache(NEWEST))
    _references: TensorCache = field(default_factory=lambda: TensorCache(NEWEST))

    def mean(self, x: Image, y: Image, pixels: Pixels) -> float:
        """Over these pixels, of the map that is averaged over the channels."""
        where = pixels.to(self.device)
        inside = self._maps((x, y), lambda: self._map(x, y)) * where
        return float(inside.sum() / where.sum())

    def _map(self, x: Image, y: Image) -> Plane:
        on_device = y.to(self.device)
        reference = self._references((y,), lambda: moments(on_device))
        return similarity(x.to(self.device), on_device, None, reference).mean(0)


class Moments(NamedTuple):
    """Mean and variance in the window around each pixel."""

    mean: Planes
    variance: Planes


def ssim_map(x: Planes, y: Planes, clamped: bool = True) -> Planes:
    """SSIM at every pixel of every plane (Wang et al. 2004, eq. 13), planes mirrored at the border.
    With `clamped`, local variances that rounding makes negative are 0.
    """
    return similarity(x, y, moments(x, clamped), moments(y, clamped))


def moments(x: Planes, clamped: bool = True) -> Moments:
    """The local moments of every plane."""

    def of(planes: Stack) -> Float[Tensor, "n 2 height width"]:
        mean = _blurred(planes)
        variance = _blurred(planes * planes) - mean**2
        return torch.stack([mean, variance.clamp(min=0) if clamped else variance], dim=1)

    return Moments(*(part.view(x.shape) for part in _by_plane(of, x).unbind(1)))


def similarity(x: Planes, y: Planes, of_x: Moments | None, of_y: Moments) -> Planes:
    """The map of two images with their moments; those of `x` are computed if they are not given."""
    of_x = of_x or moments(x)

    def of(x: Stack, y: Stack, mu_x: Stack, var_x: Stack, mu_y: Stack, var_y: Stack) -> Stack:
        luminance = (2 * mu_x * mu_y + C1) / (mu_x**2 + mu_y**2 + C1)
        covariance = _blurred(x * y) - mu_x * mu_y
        return luminance * (2 * covariance + C2) / (var_x + var_y + C2)

    return _by_plane(of, x, y, *of_x, *of_y).view(x.shape)


def _by_plane(run: Callable[..., Tensor], *images: Planes) -> Tensor:
    """`run` on the planes of images. On a processor one plane at a time: what it needs fits into
    the cache, twice as fast as all at once.
    """
    stacks = [image.flatten(0, -3) for image in images]
    if images[0].is_cuda:
        return run(*stacks)
    return torch.cat([run(*planes) for planes in zip(*(s.split(1) for s in stacks), strict=True)])


def _blurred(planes: Stack) -> Stack:
    """The mean in the window around each pixel: first down the columns, then along the rows."""
    padded = F.pad(planes, [RADIUS] * 4, mode="reflect")
    return _weighted(_weighted(padded, 1), 2)


def _weighted(padded: AnyStack, dim: int) -> AnyStack:
    """The weighted sum of shifted copies: the window along one dimension."""
    length = padded.shape[dim] - 2 * RADIUS
    total: AnyStack = padded.narrow(dim, 0, length) * WINDOW[0]
    for shift, weight in enumerate(WINDOW[1:], start=1):
        total.add_(padded.narrow(dim, shift, length), alpha=weight)
    return total
