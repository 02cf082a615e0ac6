"""The canvas of an edit: how a photo of any shape is placed on it, and how an edit is restored to
the photo's shape.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PIL

from ids.core.errors import DataError

FITS = ("stretch", "crop", "pad", "aspect")
LARGEST = 8192  # pixels a side
LONGEST = 8  # aspect ratio: beyond, `aspect` would leave a strip of a few pixels

Size = tuple[int, int]  # width and height
Box = tuple[int, int, int, int]  # left, top, right, bottom


def checked_canvas(size: int, fit: str = "stretch", multiple: int = 1) -> None:
    """`ValueError` for a side, fit or multiple that no canvas can have."""
    if not 1 <= size <= LARGEST:
        raise ValueError(f"dataset.size: expected a side of 1 to {LARGEST} pixels; got {size}")
    if fit not in FITS:
        raise ValueError(f"dataset.fit: expected one of {', '.join(FITS)}; got {fit!r}")
    if not 1 <= multiple <= size and fit == "aspect":
        raise ValueError(
            f"dataset.multiple: expected 1 to dataset.size, {size}; got {multiple}; 8 suits most"
        )


def view_of(size: int, fit: str, multiple: int) -> str:
    """The canvas in words, as data sets describe their images."""
    steps = f" in steps of {multiple}" if fit == "aspect" else ""
    return f"{size} px, {fit}{steps}"


@dataclass(frozen=True)
class Layout:
    """Position of a photo on its canvas, and of everything drawn over the photo."""

    photo: Size
    canvas: Size
    inner: Box  # the part of the canvas that contains the photo
    middle: bool = False  # the canvas contains only the photo's middle square

    def place(self, image: PIL.Image) -> NDArray[Any]:
        """An image of the photo's shape, in any resolution, on the canvas: uint8 [h, w, ...]. The
        margins repeat the edges of a photo, and are 0 around a mask (one channel).
        """
        left, top, right, bottom = self.inner
        box = _middle_square(image.size) if self.middle else (0, 0, *image.size)
        size = (right - left, bottom - top)
        pixels = np.asarray(image.resize(size, PIL.Resampling.LANCZOS, box=box))
        margins = [(top, self.canvas[1] - bottom), (left, self.canvas[0] - right)]
        if pixels.ndim == 2:
            return np.pad(pixels, margins)
        return np.pad(pixels, [*margins, (0, 0)], mode="edge")

    def restore(self, canvas: PIL.Image) -> PIL.Image:
        """A canvas at the photo's size and shape. A middle square keeps the canvas' size: the
        rest of the photo was not on it. `ValueError` for a canvas of another size.
        """
        if canvas.size != self.canvas:
            raise ValueError(f"expected a canvas of {self.canvas}; got {canvas.size}")
        if self.middle:
            return canvas
        return canvas.crop(self.inner).resize(self.photo, PIL.Resampling.LANCZOS)


def layout(photo: Size, size: int, fit: str, multiple: int, where: str) -> Layout:
    """`stretch` and `crop` to size x size as the released pipelines do; `pad` the whole photo in
    size x size; `aspect` in its own shape at about size x size pixels, with sides divisible by
    `multiple`. `DataError` for a photo that is too long for `aspect`.
    """
    width, height = photo
    if fit == "aspect":
        if max(photo) > LONGEST * min(photo):
            raise DataError(
                f"{where}: expected an image at most {LONGEST} times as long as wide for "
                f"fit=aspect; got {width}x{height}; use dataset.fit=pad"
            )
        ratio = (width / height) ** 0.5
        canvas = _multiple(size * ratio, multiple), _multiple(size / ratio, multiple)
        return Layout(photo, canvas, (0, 0, *canvas))
    inner = (0, 0, size, size)
    if fit == "pad":
        shrink = size / max(photo)
        inner = _centred(max(1, round(width * shrink)), max(1, round(height * shrink)), size)
    return Layout(photo, (size, size), inner, middle=fit == "crop")


def _multiple(side: float, multiple: int) -> int:
    return max(1, round(side / multiple)) * multiple


def _centred(width: int, height: int, size: int) -> Box:
    left, top = (size - width) // 2, (size - height) // 2
    return left, top, left + width, top + height


def _middle_square(size: Size) -> tuple[float, float, float, float]:
    side = min(size)
    left, top = (size[0] - side) * 0.5, (size[1] - side) * 0.5
    return left, top, left + side, top + side
