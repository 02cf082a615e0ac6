"""The photos of a capture as lazy images: upright, undistorted, at their working size."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PIL

from ids.captures.lens import Lens, undistorted
from ids.core.errors import DataError
from ids.core.tensors import Image
from ids.data.canvas import Layout, Size
from ids.data.colour import to_rgb
from ids.data.decode import decode, shape_of
from ids.data.image_files import FirstReading
from ids.data.masks import Photo as MaskedPhoto
from ids.data.masks import as_mask, binary_mask
from ids.data.messages import shorten
from ids.images import digest_of_pixels, from_array

Array = NDArray[np.uint8]


def working_size(size: Size, side: int | None, multiple: int) -> Size:
    """Width and height with a shorter side of about `side` pixels, both divisible by `multiple`;
    the photo's own shorter side for None.
    """
    scale = (side or min(size)) / min(size)
    width, height = (max(round(scale * length / multiple), 1) * multiple for length in size)
    return width, height


@dataclass(frozen=True)
class PhotoImage:
    """A photo file, without the distortion of its lens, at `size` (width, height): by an area
    filter where that is smaller. The lens is that of the file's size.
    """

    path: Path
    lens: Lens
    size: Size
    _first: FirstReading = field(
        default_factory=FirstReading, init=False, repr=False, compare=False
    )

    def digest(self) -> str:
        """SHA-256 of the pixels that `load` returns. `DataError` if the file cannot be read."""
        if not self._first.digest:
            self._pixels()
        return self._first.digest

    def load(self) -> Image:
        """RGB in [0, 1]. `DataError` if the file cannot be read or has changed."""
        return from_array(self._pixels())

    def photo_size(self) -> Size:
        """Width and height of the photo file."""
        return self.lens.width, self.lens.height

    def _pixels(self) -> Array:
        decoded = decode(self.path)
        image, notes = to_rgb(decoded.image, shorten(self.path))
        if image.size != self.photo_size():
            raise DataError(
                f"{shorten(self.path)}: expected the image it was at first; its size has changed; "
                "start again"
            )
        pixels = undistorted(np.asarray(image), self.lens)
        return self._first.hold(_resized(pixels, self.size), self.path, decoded.notes + notes)


@dataclass(frozen=True)
class PhotoMask:
    """A mask file over a photo, undistorted and resized as the photo is; `ids.data.masks` lists the
    accepted encodings.
    """

    path: Path
    photo: PhotoImage
    _first: FirstReading = field(
        default_factory=FirstReading, init=False, repr=False, compare=False
    )

    def digest(self) -> str:
        """SHA-256 of the binary mask. `DataError` if the file cannot be read."""
        if not self._first.digest:
            self._pixels()
        return self._first.digest

    def load(self) -> Image:
        """0 or 1, equal in all three channels."""
        return as_mask(self._pixels())

    def _pixels(self) -> Array:
        size = self.photo.photo_size()
        whole = Layout(size, size, (0, 0, *size))
        over = MaskedPhoto(shorten(self.photo.path), shape_of(self.photo.path), whole)
        named = f"mask {shorten(self.path)}"
        marked, notes = binary_mask(decode(self.path), over, lambda _: whole, named)
        bent = undistorted(marked * np.uint8(255), self.photo.lens)
        pixels = (_resized(bent, self.photo.size) > 127).astype(np.uint8)
        return self._first.hold(pixels, self.path, notes)


@dataclass(frozen=True)
class CoveredPixels:
    """White where an undistorted photo has content: a lens may not have seen its corners."""

    photo: PhotoImage

    def digest(self) -> str:
        """SHA-256 of the pixels."""
        return digest_of_pixels(self._pixels())

    def load(self) -> Image:
        """0 or 1, equal in all three channels. 0 where any part of the pixel lies outside."""
        return as_mask(self._pixels())

    def _pixels(self) -> Array:
        covered = self.photo.lens.covered().astype(np.uint8) * np.uint8(255)
        whole: Array = (_resized(covered, self.photo.size) == 255).astype(np.uint8)
        return whole


def _resized(pixels: Array, size: Size) -> Array:
    """By area where it becomes smaller, else bicubic. In floats: 8 bits would be rounded twice."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    smaller = size[0] <= width and size[1] <= height
    filtered = PIL.Resampling.BOX if smaller else PIL.Resampling.BICUBIC
    planes = np.moveaxis(np.atleast_3d(pixels), -1, 0).astype(np.float32)
    levels = [np.asarray(PIL.fromarray(plane).resize(size, filtered)) for plane in planes]
    array: Array = np.stack(levels, axis=-1).round().clip(0, 255).astype(np.uint8)
    return array if pixels.ndim == 3 else array[..., 0]
