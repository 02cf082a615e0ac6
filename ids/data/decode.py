"""Image files to decoded images: accepted formats, size limits, EXIF orientation."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, UnidentifiedImageError
from PIL import Image as PIL

from ids.core.errors import DataError
from ids.data.messages import shorten

MAX_PIXELS = 100_000_000
FORMATS = (
    "PNG",
    "JPEG",
    "WEBP",
    "TIFF",
    "GIF",
    "BMP",
    "PPM",
    "AVIF",
)  # Pillow runs no program for these
SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
TURNS = {
    2: PIL.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Transpose.ROTATE_180,
    4: PIL.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Transpose.TRANSPOSE,
    6: PIL.Transpose.ROTATE_270,
    7: PIL.Transpose.TRANSVERSE,
    8: PIL.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Shape:
    """The upright size of an image, and the EXIF orientation that was applied to get it."""

    size: tuple[int, int]  # width and height, upright
    orientation: int | None  # None without an EXIF orientation

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height of the pixels in the file, before the orientation is applied."""
        return self.size[::-1] if self.orientation in SIDEWAYS else self.size

    @property
    def turned(self) -> bool:
        """Whether the orientation rotates or mirrors the stored pixels."""
        return self.orientation in TURNS


@dataclass(frozen=True)
class Decoded:
    """The first frame of an image: upright, in its stored mode (8-bit, deep, palette, ...)."""

    image: PIL.Image
    shape: Shape
    notes: tuple[str, ...] = ()  # warnings, one line each


def shape_of(path: Path) -> Shape:
    """Size and orientation, without decoding the pixels if the format allows it. `DataError` for a
    file that is no image of a known format.
    """
    with _opened(path) as image:
        return _shape(image)


def mode_and_size(path: Path) -> tuple[str, tuple[int, int]]:
    """Pillow's name of the stored mode (`RGB`, `L`, `I;16`), and width and height as stored, read
    without decoding the pixels. `DataError` as of `shape_of`.
    """
    with _opened(path) as image:
        return image.mode, image.size


def decode(path: Path) -> Decoded:
    """The first frame of a file. `DataError` for a damaged file or an unknown format."""
    with _opened(path) as image:
        return decode_opened(image, shorten(path))


def decode_opened(image: PIL.Image, where: str) -> Decoded:
    """The first frame of an image that Pillow has opened or holds in memory; `where` names it.
    `DataError` for Lab, for no pixels, and above 100 megapixels. A decoder's error on damaged
    content is passed on.
    """
    _check_kind(image, where)
    shape = _shape(image)
    frames = image.format != "MPO" and getattr(image, "is_animated", False)
    image.load()  # Pillow turns a TIFF upright here, and no other format
    upright = image if _is_tiff(image) else turn(image, shape.orientation)
    note = f"{where}: has several frames or pages; the first is used"
    return Decoded(upright, shape, (note,) if frames else ())


def turn(image: PIL.Image, orientation: int | None) -> PIL.Image:
    """Stored pixels to upright pixels, by an EXIF orientation of 1 to 8 or None."""
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def _shape(image: PIL.Image) -> Shape:
    tag = image.getexif().get(ExifTags.Base.Orientation)
    orientation = tag if tag in range(1, 9) else None
    sideways = orientation in SIDEWAYS and not _is_tiff(image)
    width, height = image.size
    return Shape((height, width) if sideways else (width, height), orientation)


def _is_tiff(image: PIL.Image) -> bool:
    return image.format == "TIFF"  # Pillow applies its orientation itself


@contextmanager
def _opened(path: Path) -> Iterator[PIL.Image]:
    """The file, opened but not decoded. A decoder may raise anything on a damaged file, so every
    exception becomes a `DataError`: only decoding belongs inside.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # too many pixels are refused below; odd tags are harmless
            with PIL.open(path, formats=_formats()) as image:
                _check_kind(image, shorten(path))
                yield image
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(
            f"{shorten(path)}: expected an image ({', '.join(_formats())}); its content "
            "cannot be read as one; convert it to PNG"
        ) from error
    except PIL.DecompressionBombError as error:
        raise DataError(
            f"{shorten(path)}: expected at most {MAX_PIXELS // 10**6} megapixels; shrink it first"
        ) from error
    except Exception as error:  # each format's decoder has its own errors for damaged files
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(
            f"{shorten(path)}: expected a readable image file; {shorten(reason)}; check the file"
        ) from error


def _formats() -> list[str]:
    PIL.init()
    return [name for name in FORMATS if name in PIL.OPEN]  # AVIF needs Pillow 11.3 or later


def _check_kind(image: PIL.Image, where: str) -> None:
    size = f"{image.width}x{image.height}"
    if image.mode == "LAB":
        raise DataError(f"{where}: expected RGB, grey or CMYK; got Lab; convert it to RGB")
    if image.width < 1 or image.height < 1:
        raise DataError(f"{where}: expected an image with pixels; got {size}; check it")
    if image.width * image.height > MAX_PIXELS:
        raise DataError(
            f"{where}: expected at most {MAX_PIXELS // 10**6} megapixels; got {size}; "
            "shrink it first"
        )
