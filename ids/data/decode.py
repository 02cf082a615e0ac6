"""Image files to decoded images: which formats, how large, and which way up."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, UnidentifiedImageError
from PIL import Image as PIL

from ids.core.errors import DataError
from ids.data.shown import shown

MAX_PIXELS = 100_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "AVIF")  # none starts a program
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
    """How a file lies: its size as one looks at it, and the EXIF orientation that made it so."""

    size: tuple[int, int]  # width and height, upright
    orientation: int | None  # None where the file states none

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height of the pixels as they are stored."""
        return self.size[::-1] if self.orientation in SIDEWAYS else self.size

    @property
    def turned(self) -> bool:
        return self.orientation in TURNS


@dataclass(frozen=True)
class Decoded:
    """The first frame of a file: upright, in the mode it is stored in."""

    image: PIL.Image
    shape: Shape
    notes: tuple[str, ...] = ()  # what a reader should know, one line each


def shape_of(path: Path) -> Shape:
    """Size and orientation, without decoding the pixels where the format allows it."""
    with _opened(path) as image:
        return _shape(image)


def decode(path: Path) -> Decoded:
    """The first frame. Raises `DataError` for what is no whole image of a known format."""
    with _opened(path) as image:
        shape = _shape(image)
        frames = image.format != "MPO" and getattr(image, "is_animated", False)
        image.load()  # a TIFF is upright from here on, others are as they are stored
        upright = image if _is_tiff(image) else turn(image, shape.orientation)
    note = f"{shown(path)}: has several frames or pages; the first is used"
    return Decoded(upright, shape, (note,) if frames else ())


def turn(image: PIL.Image, orientation: int | None) -> PIL.Image:
    """Pixels as they are stored to pixels as one looks at them."""
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def _shape(image: PIL.Image) -> Shape:
    stated = image.getexif().get(ExifTags.Base.Orientation)
    orientation = stated if stated in range(1, 9) else None
    sideways = orientation in SIDEWAYS and not _is_tiff(image)
    width, height = image.size
    return Shape((height, width) if sideways else (width, height), orientation)


def _is_tiff(image: PIL.Image) -> bool:
    return image.format == "TIFF"  # whose plugin turns by itself


@contextmanager
def _opened(path: Path) -> Iterator[PIL.Image]:
    """The file, not decoded yet. What a decoder raises on a damaged file can be anything, so all of
    it is turned into `DataError`: nothing but decoding belongs inside.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # too many pixels are refused; odd tags are no matter
            with PIL.open(path, formats=_formats()) as image:
                _check_kind(image, path)
                yield image
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(
            f"{shown(path)}: expected an image ({', '.join(_formats())}); its content is none "
            "that can be read; convert it to PNG"
        ) from error
    except PIL.DecompressionBombError as error:
        raise DataError(
            f"{shown(path)}: expected at most {MAX_PIXELS // 10**6} megapixels; shrink it first"
        ) from error
    except Exception as error:  # each format's reader raises what it likes on broken files
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(
            f"{shown(path)}: expected a readable image file; {shown(reason)}; check the file"
        ) from error


def _formats() -> list[str]:
    PIL.init()
    return [name for name in FORMATS if name in PIL.OPEN]  # AVIF came with Pillow 11.3


def _check_kind(image: PIL.Image, path: Path) -> None:
    size = f"{image.width}x{image.height}"
    if image.mode == "LAB":
        raise DataError(f"{shown(path)}: expected RGB, grey or CMYK; got Lab; convert it to RGB")
    if image.width < 1 or image.height < 1:
        raise DataError(f"{shown(path)}: expected an image with pixels; got {size}; check it")
    if image.width * image.height > MAX_PIXELS:
        raise DataError(
            f"{shown(path)}: expected at most {MAX_PIXELS // 10**6} megapixels; got {size}; "
            "shrink it first"
        )
