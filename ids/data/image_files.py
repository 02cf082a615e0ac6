"""Image and mask files as edit cases hold them: read on demand, identified by their pixels."""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image as PIL

from ids.core.errors import DataError
from ids.core.tensors import Image
from ids.data.canvas import Layout, Size, layout
from ids.data.colour import to_rgb
from ids.data.decode import ImageSource, Shape, decode, shape_of
from ids.data.masks import Photo, as_mask, binary_mask
from ids.data.messages import shorten
from ids.images import digest_of_pixels, from_array, to_pil

log = logging.getLogger(__name__)
Array = NDArray[Any]


def checked_file(path: str | bytes) -> Path:
    """The path of an image file; `DataError` if no such file exists."""
    text = os.fsdecode(path)
    if "\0" in text or not os.path.isfile(text):
        raise DataError(
            f"{shorten(text) or repr(text)}: expected an image file; none found; check the path"
        )
    return Path(text)


@dataclass
class FirstReading:
    """The digest of a file's pixels when they were first read. A file that changes during a run
    would otherwise store an edit under the key of another image.
    """

    digest: str = ""

    def hold(self, pixels: Array, path: ImageSource, notes: Iterable[str]) -> Array:
        """The pixels, [h, w] or [h, w, 3]. `DataError` if they differ from the first reading. Notes
        are logged at the first reading only.
        """
        digest = digest_of_pixels(pixels)
        for note in notes if not self.digest else ():
            log.warning("%s", note)
        self.digest = self.digest or digest
        if self.digest != digest:
            raise DataError(
                f"{shorten(path)}: expected the image it was at first; it has changed since; "
                "start again"
            )
        return pixels


@dataclass(frozen=True)
class ImageFile:
    """An image file, or one inside another file, as 8-bit sRGB: EXIF orientation and colour
    profile applied, transparency laid on white, deep values scaled, the first of several frames.

    `fit` brings it to the canvas, see `layout`: `stretch` to size x size (the released DDS, CDS
    and IDS pipelines), `crop` the middle square (the DDS notebook), `pad` the whole photo within
    size x size, `aspect` the photo's own shape with sides divisible by `multiple`.
    """

    path: ImageSource
    size: int  # side of the canvas in pixels
    fit: str = "stretch"
    multiple: int = 8
    _first: FirstReading = field(
        default_factory=FirstReading, init=False, repr=False, compare=False
    )

    @property
    def name(self) -> str:
        """The path, printable in messages."""
        return shorten(self.path)

    def digest(self) -> str:
        """SHA-256 of the pixels that `load` returns: file name, container and metadata play no
        part. `DataError` if the file cannot be read.
        """
        if not self._first.digest:
            self._pixels()
        return self._first.digest

    def load(self) -> Image:
        """RGB in [0, 1] on the canvas. `DataError` if the file cannot be read or has changed."""
        return from_array(self._pixels())

    def photo_size(self) -> Size:
        """Width and height of the upright photo, before it was brought to the canvas."""
        return self.shape.size

    def photo(self) -> Photo:
        """The shape and layout that a mask over this photo must fit."""
        return Photo(self.name, self.shape, self.layout)

    def restore(self, image: Image) -> PIL.Image:
        """An edited canvas, 8 bits, at the photo's size and shape. With `crop`, the square at
        the resolution of the canvas: the rest of the photo was not edited.
        """
        return self.layout.restore(to_pil(image))

    @cached_property
    def shape(self) -> Shape:
        """Size and orientation of the photo in the file."""
        return shape_of(self.path)

    @cached_property
    def layout(self) -> Layout:
        """Position of the photo on the canvas."""
        return self.layout_of(self.shape.size)

    def layout_of(self, photo: Size) -> Layout:
        """Position of a photo of this width and height on the canvas."""
        return layout(photo, self.size, self.fit, self.multiple, self.name)

    def _pixels(self) -> Array:
        decoded = decode(self.path)
        image, notes = to_rgb(decoded.image, self.name)
        pixels = self.layout_of(image.size).place(image)
        return self._first.hold(pixels, self.path, decoded.notes + notes)


@dataclass(frozen=True)
class MaskFile:
    """A mask file, white where the edit belongs; `ids.data.masks` lists the accepted encodings.
    `photo` is the image it was drawn over: the mask follows the photo's orientation and must have
    its shape. `where` names the row in warnings.
    """

    image: ImageFile
    photo: ImageFile | None = None
    where: str = field(default="", compare=False)
    _first: FirstReading = field(
        default_factory=FirstReading, init=False, repr=False, compare=False
    )

    def digest(self) -> str:
        """SHA-256 of the binary mask on the canvas. `DataError` if the file cannot be read."""
        if not self._first.digest:
            self._pixels()
        return self._first.digest

    def load(self) -> Image:
        """0 or 1, equal in all three channels."""
        return as_mask(self._pixels())

    def _pixels(self) -> Array:
        path = self.image.path
        decoded, named = decode(path), f"mask {shorten(path)}"
        over = self.photo.photo() if self.photo else None
        marked, notes = binary_mask(decoded, over, self.image.layout_of, named)
        where = f"{self.where}: " if self.where else ""
        return self._first.hold(marked, path, (*decoded.notes, *(where + note for note in notes)))
