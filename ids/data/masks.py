"""Mask images to binary masks.

White marks the edit, black the background. Accepted: 0/1 and 0/255 images and any other single
value beside 0, greys split at half of the range, deep and 1-bit images, two colours of which one is
black or clearly darker, and transparency if it alone carries the shape. Ambiguous images are
refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PIL

from ids.core.errors import DataError
from ids.core.tensors import Image
from ids.data.canvas import Layout, Size
from ids.data.colour import has_alpha, is_deep, white_level
from ids.data.decode import Decoded, Shape, turn

Array = NDArray[Any]
GREY = 20  # largest difference between the channels of a grey after JPEG, of 255
DARK, BRIGHT = 85, 170  # two colours are distinguished by brightness below and above these
REMEDY = "save it in black and white, white where the edit belongs"


@dataclass(frozen=True)
class Photo:
    """The image that a mask was drawn over."""

    name: str  # in messages
    shape: Shape
    layout: Layout


def binary_mask(
    decoded: Decoded, photo: Photo | None, layout_of: Callable[[Size], Layout], where: str
) -> tuple[Array, tuple[str, ...]]:
    """0 or 1 at every pixel of the canvas, uint8 [h, w], and warnings. The mask is placed as its
    photo is, or by `layout_of` its own size without one. `DataError` for an ambiguous mask, or one
    of another shape than its photo.
    """
    mask = levels(decoded.image, where)
    if photo is None:
        placed = layout_of(mask.size)
    else:
        over = f"{where} over {photo.name}"
        mask, placed = under_photo(mask, decoded.shape, photo.shape, over), photo.layout
    marked = (placed.place(mask) > 127).astype(np.uint8)
    left, top, right, bottom = placed.inner
    share = marked[top:bottom, left:right].mean()
    if share == 0:
        return marked, (f"{where} marks nothing; the whole image counts as background",)
    if share == 1:
        return marked, (f"{where} marks everything; there is no background to measure",)
    return marked, ()


def as_mask(marked: Array) -> Image:
    """A binary mask, uint8 [h, w], as [3, h, w]: 0 or 1, equal in all channels."""
    return torch.from_numpy(marked.copy()).float().expand(3, -1, -1)


def levels(image: PIL.Image, where: str) -> PIL.Image:
    """The degree to which each pixel is marked, 0 .. 255, as an image of mode L. `DataError` for an
    ambiguous image.
    """
    return PIL.fromarray(_levels(image, where))


def under_photo(mask: PIL.Image, shape: Shape, photo: Shape, where: str) -> PIL.Image:
    """The mask upright over its photo: a mask drawn over the stored pixels of a rotated photo is
    rotated too. `shape` is the mask file's; its EXIF orientation is applied already. `DataError`
    for another shape than the photo's.
    """
    if photo.turned and not shape.turned and _alike(mask.size, photo.stored):
        if not _alike(mask.size, photo.size):
            mask = turn(mask, photo.orientation)
        elif shape.orientation is None:
            raise DataError(
                f"{where}: expected a mask that fits its photo one way; the photo is turned by its "
                f"EXIF orientation {photo.orientation}, and the mask fits before and after; save "
                "the photo upright, without the orientation"
            )
    if not _alike(mask.size, photo.size):
        raise DataError(
            f"{where}: expected the shape of its photo, {_by(photo.size)}; got {_by(mask.size)}; "
            "draw it over the whole photo"
        )
    return mask


def _alike(size: tuple[int, int], photo: tuple[int, int]) -> bool:
    """Equal aspect ratios, up to rounding by one pixel."""
    return abs(size[0] * photo[1] - size[1] * photo[0]) <= max(photo)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _levels(image: PIL.Image, where: str) -> Array:
    if is_deep(image):
        return _by_brightness(np.asarray(image), where)
    if has_alpha(image):
        return _with_alpha(image.convert("RGBA"), where)
    if image.mode in ("1", "L"):
        return _by_brightness(np.asarray(image.convert("L")), where)
    if image.mode == "P" and _hides_shape(image):
        raise DataError(
            f"{where}: expected a palette with different colours; all its entries have one colour; "
            + REMEDY
        )
    return _by_colour(image.convert("RGB"), where)


def _by_brightness(values: Array, where: str) -> Array:
    """One number a pixel, [h, w]."""
    low, high = values.min(), values.max()
    if low == 0 < high and ((values == low) | (values == high)).all():
        return _white_where(values == high)
    white = white_level(values, where)
    if low == high == 1:  # a 0/1 image without a 0
        return np.full(values.shape, 255, dtype=np.uint8)
    one_sided = 0 < high < white / 2 or (low >= white / 2 and high - low > white / 10)
    if one_sided:
        raise DataError(
            f"{where}: expected black, white and greys between; got {low:g} to {high:g} of "
            f"{white}, like a map of labels; {REMEDY}"
        )
    return (values * (255 / white)).round().astype(np.uint8)


def _by_colour(image: PIL.Image, where: str) -> Array:
    pixels = np.asarray(image)
    low, high = pixels.min(2), pixels.max(2)
    if (high - low).max() <= GREY:
        return _by_brightness(np.asarray(image.convert("L")), where)
    colours: list[Any] = sorted((c for _, c in image.getcolors(2) or ()), key=_brightness)
    if len(colours) == 2:
        dark, bright = colours
        if not any(dark) or (_brightness(dark) < DARK and _brightness(bright) > BRIGHT):
            return _white_where((pixels == np.asarray(bright)).all(2))
    count = "several colours" if len(colours) != 2 else "two colours of similar brightness"
    raise DataError(f"{where}: expected black and white; got {count}; {REMEDY}")


def _white_where(marked: Array) -> Array:
    return np.where(marked, 255, 0).astype(np.uint8)


def _with_alpha(image: PIL.Image, where: str) -> Array:
    """Transparency is the mask if the colour carries no other shape."""
    alpha = np.asarray(image.getchannel("A"))
    colour = image.convert("RGB")
    plain = len(colour.getcolors(1) or ()) == 1
    if alpha.min() == alpha.max() > 0:
        return _by_colour(colour, where)
    opaque = np.asarray(colour)[alpha > 127]
    if plain or (opaque.size and opaque.min() > 127):
        return _by_brightness(alpha, where)
    raise DataError(
        f"{where}: expected a mask in colour or in transparency; both vary and disagree; {REMEDY}"
    )


def _brightness(colour: Any) -> float:
    red, green, blue = colour
    return float(0.299 * red + 0.587 * green + 0.114 * blue)


def _hides_shape(image: PIL.Image) -> bool:
    entries, colours = image.getcolors(256), image.convert("RGB").getcolors(1)
    return len(entries or ()) > 1 and colours is not None
