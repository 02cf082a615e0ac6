"""Lenses: intrinsics and distortion, and photos without that distortion.

Pixel coordinates are COLMAP's: the centre of the first pixel is (0.5, 0.5). Axes are OpenCV's: x
right, y down, z forward.
"""

from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample

from ids.core.errors import DataError

Array = NDArray[np.float64]
MAX_SIDE = 100_000  # pixels


@dataclass(frozen=True)
class Lens:
    """Focal lengths and principal point in pixels of a photo of `width` x `height`, and Brown's
    distortion in two radial and two tangential terms: COLMAP's OPENCV model, and OpenCV's own.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    @property
    def is_distorted(self) -> bool:
        """Whether the lens bends straight lines."""
        return any((self.k1, self.k2, self.p1, self.p2))

    def pinhole(self) -> "Lens":
        """The same lens without distortion."""
        return replace(self, k1=0.0, k2=0.0, p1=0.0, p2=0.0)

    def fitted(self, width: int, height: int) -> "Lens":
        """The lens of the same photo in another number of pixels, by the actual ratios."""
        right, down = width / self.width, height / self.height
        return replace(
            self,
            width=width,
            height=height,
            fx=self.fx * right,
            cx=self.cx * right,
            fy=self.fy * down,
            cy=self.cy * down,
        )

    def project(self, points: Array) -> Array:
        """Pixels [..., 2] of points [..., 3] in camera axes, in front of the camera."""
        x, y = points[..., 0] / points[..., 2], points[..., 1] / points[..., 2]
        x, y = self._distort(x, y)
        return np.stack((self.fx * x + self.cx, self.fy * y + self.cy), axis=-1)

    def sources(self) -> Array:
        """Where the centre of each pixel of the undistorted photo is in the photo, [h, w, 2]."""
        x = (np.arange(self.width) + 0.5 - self.cx) / self.fx
        y = (np.arange(self.height) + 0.5 - self.cy) / self.fy
        bent_x, bent_y = self._distort(*np.meshgrid(x, y))
        return np.stack((self.fx * bent_x + self.cx, self.fy * bent_y + self.cy), axis=-1)

    def covered(self) -> NDArray[np.bool_]:
        """Which pixels of the undistorted photo lie in the photo, [h, w]."""
        x, y = np.moveaxis(self.sources(), -1, 0)
        inside: NDArray[np.bool_] = (x >= 0) & (x <= self.width) & (y >= 0) & (y <= self.height)
        return inside

    def _distort(self, x: Array, y: Array) -> tuple[Array, Array]:
        square = x * x + y * y
        radial = 1 + self.k1 * square + self.k2 * square * square
        return (
            x * radial + 2 * self.p1 * x * y + self.p2 * (square + 2 * x * x),
            y * radial + 2 * self.p2 * x * y + self.p1 * (square + 2 * y * y),
        )


def undistorted(pixels: NDArray[np.uint8], lens: Lens) -> NDArray[np.uint8]:
    """A photo [h, w] or [h, w, 3] as the pinhole lens of the same focal lengths and principal point
    would have taken it, bilinear; the edges are repeated beyond the photo.
    """
    if not lens.is_distorted:
        return pixels
    planes = torch.from_numpy(np.atleast_3d(pixels).copy()).permute(2, 0, 1)[None].float()
    taken: Float[Tensor, "1 c h w"] = grid_sample(
        planes, _grid(lens), mode="bilinear", padding_mode="border", align_corners=False
    )
    array: NDArray[np.uint8] = taken[0].round().to(torch.uint8).permute(1, 2, 0).numpy()
    return array.reshape(pixels.shape)


def _grid(lens: Lens) -> Tensor:
    """`sources` from -1 at the left edge of the first pixel to 1 at the right edge of the last."""
    size = np.array([lens.width, lens.height])
    return torch.from_numpy(lens.sources() / size * 2 - 1)[None].float()


def checked_lens(lens: Lens, where: str) -> Lens:
    """The lens; `DataError` for sizes and focal lengths that no camera has."""
    if not np.isfinite(astuple(lens)).all():
        raise DataError(f"{where}: expected finite numbers; got {_shown(lens)}; check the camera")
    if not (0 < lens.width <= MAX_SIDE and 0 < lens.height <= MAX_SIDE):
        size = f"{lens.width}x{lens.height}"
        raise DataError(f"{where}: expected a size in pixels; got {size}; check the camera")
    if not (lens.fx > 0 and lens.fy > 0):
        focal = f"{lens.fx:g}, {lens.fy:g}"
        raise DataError(f"{where}: expected a focal length above 0; got {focal}; check the camera")
    return lens


def _shown(lens: Lens) -> str:
    return ", ".join(f"{value:g}" for value in astuple(lens))


def as_size(value: Any, where: str) -> int:
    """A side in pixels, which some files hold as a float. `DataError` for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= MAX_SIDE or value != int(value):
        raise DataError(
            f"{where}: expected a side of 1 to {MAX_SIDE} whole pixels; got {value!r:.40}; "
            "correct it"
        )
    return int(value)
