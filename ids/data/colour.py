"""Decoded images to 8-bit RGB: colour profiles, deep modes, transparency."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PIL
from PIL import ImageCms

from ids.core.errors import DataError

NUMBERS = ("I", "F")  # and I;16 in its byte orders: one number per pixel, more than 8 bits
SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # colour space of a profile -> Pillow mode


def to_rgb(image: PIL.Image, where: str) -> tuple[PIL.Image, tuple[str, ...]]:
    """8-bit sRGB with transparency laid on white, and warnings. `DataError` for deep values of no
    known range.
    """
    profile = image.info.get("icc_profile")
    if is_deep(image):
        image = PIL.fromarray(eight_bits(np.asarray(image), where))
    alpha = None
    if has_alpha(image):
        image = image.convert("LA" if image.mode in ("1", "L", "LA", "La") else "RGBA")
        alpha = image.getchannel("A")
        image = image.convert(image.mode[:-1])
    image, notes = _to_srgb(image, profile, where)
    if alpha is None:
        return image, notes
    image.putalpha(alpha)
    white = PIL.new("RGBA", image.size, "white")
    return PIL.alpha_composite(white, image).convert("RGB"), notes


def has_alpha(image: PIL.Image) -> bool:
    """Whether the image has transparency, in a channel or a palette."""
    return "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa")


def is_deep(image: PIL.Image) -> bool:
    """Whether the pixels are numbers of more than 8 bits."""
    return image.mode in NUMBERS or image.mode.startswith("I;16")


def white_level(numbers: NDArray[Any], where: str) -> int:
    """The value of white, by the range of the values: 255 or 65535 for whole numbers, 1 for
    fractions. `DataError` for another range.
    """
    low, high = numbers.min(), numbers.max()
    whole = numbers.dtype.kind in "iu" or (high > 1 and (numbers == np.floor(numbers)).all())
    levels = (255, 65535) if numbers.dtype.kind in "iu" else (255,) if whole else (1,)
    if not low >= 0 or not high <= levels[-1]:  # NaN compares as neither
        kind = (
            "whole pixel values in [0, 255] or [0, 65535]"
            if numbers.dtype.kind in "iu"
            else "floating-point pixels in [0, 1], or whole ones in [0, 255]"
        )
        raise DataError(f"{where}: expected {kind}; got {low:g} to {high:g}; convert to 8 bits")
    return next(level for level in levels if high <= level)


def eight_bits(numbers: NDArray[Any], where: str) -> NDArray[Any]:
    """Deep values [h, w], scaled to 0 .. 255."""
    scale = 255 / white_level(numbers, where)
    return (numbers * scale).round().astype(np.uint8)


def _to_srgb(
    image: PIL.Image, profile: bytes | None, where: str
) -> tuple[PIL.Image, tuple[str, ...]]:
    """RGB by the embedded profile. An unusable profile is ignored, with a warning."""
    if not profile:
        return image.convert("RGB"), ()
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _mode_for(image, source.profile.xcolor_space.strip())
        target = ImageCms.createProfile("sRGB")
        managed = ImageCms.profileToProfile(image.convert(mode), source, target, outputMode="RGB")
        assert managed is not None  # it is None only for work in place
        return managed, ()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        note = f"{where}: its colour profile cannot be used; its colours are taken as sRGB"
        return image.convert("RGB"), (note,)


def _mode_for(image: PIL.Image, space: str) -> str:
    """The Pillow mode in which a profile of this colour space reads the image. `ValueError` for a
    profile of another kind of image.
    """
    natural = "CMYK" if image.mode == "CMYK" else "L" if image.mode in ("1", "L") else "RGB"
    mode = SPACES.get(space, "")
    if mode != natural and (natural, mode) != ("L", "RGB"):  # RGB profiles include grey
        raise ValueError(f"a {space} profile on a {image.mode} image")
    return mode
