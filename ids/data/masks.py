"""What a mask file means: how far each pixel is marked, or why that cannot be told.

White marks the edit, black what should stay. Read as such: 0/1 and 0/255 files and any other value
beside 0, greys by half of the range, deep and 1-bit files, two colours of which one is black or
clearly darker, and transparency where it alone carries the shape. Whatever could mean two things is
refused.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PIL

from ids.core.errors import DataError
from ids.data.colour import has_alpha, is_deep, white_level
from ids.data.decode import Shape, turn

Array = NDArray[Any]
GREY = 20  # how far the channels of a grey may differ after JPEG, of 255
DARK, BRIGHT = 85, 170  # two colours are told apart by brightness below and above these
REMEDY = "save it in black and white, white where the edit belongs"


def levels(image: PIL.Image, where: str) -> PIL.Image:
    """How far each pixel is marked, 0 .. 255, as an image of mode L."""
    return PIL.fromarray(_levels(image, where))


def under_photo(mask: PIL.Image, own: Shape, photo: Shape, where: str) -> PIL.Image:
    """The mask upright over its photo: one that was drawn over the stored pixels of a turned photo
    is turned along. `own` is the mask file's shape; its own orientation is applied already.
    """
    if photo.turned and not own.turned and _alike(mask.size, photo.stored):
        if not _alike(mask.size, photo.size):
            mask = turn(mask, photo.orientation)
        elif own.orientation is None:
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
    """Of one shape, up to the rounding of one pixel."""
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
            f"{where}: expected a palette that tells its entries apart; all are of one colour; "
            + REMEDY
        )
    return _by_colour(image.convert("RGB"), where)


def _by_brightness(values: Array, where: str) -> Array:
    """One number a pixel, [h, w]."""
    low, high = values.min(), values.max()
    if low == 0 < high and ((values == low) | (values == high)).all():
        return _white_where(values == high)
    white = white_level(values, where)
    if low == high == 1:  # a 0/1 file without a 0
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
    count = "several colours" if len(colours) != 2 else "two colours that no brightness parts"
    raise DataError(f"{where}: expected black and white; got {count}; {REMEDY}")


def _white_where(marked: Array) -> Array:
    return np.where(marked, 255, 0).astype(np.uint8)


def _with_alpha(image: PIL.Image, where: str) -> Array:
    """Transparency is the mask where the colour says nothing else."""
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
