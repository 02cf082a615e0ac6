"""Decoded images to 8-bit RGB: colour profiles, deep modes, transparency."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PIL
from PIL import ImageCms

from ids.core.errors import DataError

NUMBERS = ("I", "F")  # and I;16 in its byte orders: one number a pixel, more than 8 bits
SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of profiles, and Pillow's modes for them


def to_rgb(image: PIL.Image, where: str) -> tuple[PIL.Image, tuple[str, ...]]:
    """8-bit sRGB, transparency laid on white; and what is to be said about it."""
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
    return "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa")


def is_deep(image: PIL.Image) -> bool:
    return image.mode in NUMBERS or image.mode.startswith("I;16")


def white_level(numbers: NDArray[Any], where: str) -> int:
    """What counts as white, by the range of the values: 255 or 65535 among whole numbers, 1 among
    fractions.
    """
    low, high = numbers.min(), numbers.max()
    whole = numbers.dtype.kind in "iu" or (high > 1 and (numbers == np.floor(numbers)).all())
    levels = (255, 65535) if numbers.dtype.kind in "iu" else (255,) if whole else (1,)
    if not low >= 0 or not high <= levels[-1]:  # not a number compares as neither
        kind = (
            "whole pixel values in [0, 255] or [0, 65535]"
            if numbers.dtype.kind in "iu"
            else "floating-point pixels in [0, 1], or whole ones in [0, 255]"
        )
        raise DataError(f"{where}: expected {kind}; got {low:g} to {high:g}; convert to 8 bits")
    return next(level for level in levels if high <= level)


def eight_bits(numbers: NDArray[Any], where: str) -> NDArray[Any]:
    """Deep numbers, [h, w], scaled to 0 .. 255."""
    scale = 255 / white_level(numbers, where)
    return (numbers * scale).round().astype(np.uint8)


def _to_srgb(
    image: PIL.Image, profile: bytes | None, where: str
) -> tuple[PIL.Image, tuple[str, ...]]:
    """RGB by the profile the file carries. One that cannot be used is left out, which is said."""
    if not profile:
        return image.convert("RGB"), ()
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _mode_for(image, source.profile.xcolor_space.strip())
        target = ImageCms.createProfile("sRGB")
        managed = ImageCms.profileToProfile(image.convert(mode), source, target, outputMode="RGB")
        assert managed is not None  # None comes only where it works in place
        return managed, ()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        note = f"{where}: its colour profile cannot be used; its colours are taken as sRGB"
        return image.convert("RGB"), (note,)


def _mode_for(image: PIL.Image, space: str) -> str:
    """The mode in which a profile of this colour space reads the image."""
    own = "CMYK" if image.mode == "CMYK" else "L" if image.mode in ("1", "L") else "RGB"
    mode = SPACES.get(space, "")
    if mode != own and (own, mode) != ("L", "RGB"):  # grey is a colour of every RGB space
        raise ValueError(f"a {space} profile on a {image.mode} image")
    return mode
