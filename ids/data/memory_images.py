"""Images and masks in memory as edit cases hold them, by the same steps as files: equal pixels have
equal digests, whether they come from a file or from memory.
"""

import logging
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PIL

from ids.core.errors import DataError
from ids.core.records import LazyImage
from ids.core.tensors import Image
from ids.data.canvas import Layout, Size, checked_canvas, layout
from ids.data.colour import to_rgb
from ids.data.decode import Decoded, Shape, decode, decode_opened
from ids.data.image_files import ImageFile, MaskFile, checked_file
from ids.data.masks import Photo, as_mask, binary_mask
from ids.data.messages import shorten
from ids.images import LEVELS, digest_of_pixels, from_array, to_pil

log = logging.getLogger(__name__)
Array = NDArray[Any]
ImageLike = str | os.PathLike[str] | PIL.Image | Array | torch.Tensor
ACCEPTED = "a path, a PIL image, a numpy array [h, w(, 1, 3 or 4)] or a tensor [(1, 3 or 4,) h, w]"


@dataclass(frozen=True, eq=False)
class MemoryImage:
    """An 8-bit sRGB image on its canvas, uint8 [h, w, 3]. Made by `image_of`."""

    pixels: Array
    layout: Layout
    shape: Shape
    name: str = "image"  # in messages

    def digest(self) -> str:
        """SHA-256 of the pixels, as of a file with the same pixels."""
        return digest_of_pixels(self.pixels)

    def load(self) -> Image:
        """RGB in [0, 1] on the canvas."""
        return from_array(self.pixels)

    def photo_size(self) -> Size:
        """Width and height of the upright photo, before it was brought to the canvas."""
        return self.layout.photo

    def photo(self) -> Photo:
        """The shape and layout that a mask over this photo must fit."""
        return Photo(self.name, self.shape, self.layout)

    def restore(self, image: Image) -> PIL.Image:
        """An edited canvas, 8 bits, at the photo's size and shape, see `ImageFile.restore`."""
        return self.layout.restore(to_pil(image))


@dataclass(frozen=True, eq=False)
class MemoryMask:
    """A binary mask on its canvas, uint8 [h, w], 1 where the edit belongs. Made by `mask_of`."""

    marked: Array

    def digest(self) -> str:
        """SHA-256 of the mask, as of a file that gives the same mask."""
        return digest_of_pixels(self.marked)

    def load(self) -> Image:
        """0 or 1, equal in all three channels."""
        return as_mask(self.marked)


def image_of(
    image: Any, size: int, fit: str = "stretch", multiple: int = 8, name: str = "image"
) -> ImageFile | MemoryImage:
    """An image for an `EditCase`, from a path, a PIL image, a numpy array [h, w], [h, w, 1 | 3 | 4]
    or a torch tensor [h, w], [1 | 3 | 4, h, w]; arrays and tensors are uint8, or floats in [0, 1].

    EXIF orientation, colour profile, transparency and `fit` are handled as for `ImageFile`. `name`
    stands for the image in messages. `DataError` for anything else, `ValueError` for a `size`,
    `fit` or `multiple` that is out of range.
    """
    checked_canvas(size, fit, multiple)
    if isinstance(image, str | os.PathLike):
        return ImageFile(checked_file(os.fspath(image)), size, fit, multiple)
    decoded = _decoded(image, name)
    rgb, notes = to_rgb(decoded.image, name)
    _warn(*decoded.notes, *notes)
    placed = layout(rgb.size, size, fit, multiple, name)
    return MemoryImage(placed.place(rgb), placed, decoded.shape, name)


def mask_of(mask: Any, photo: ImageFile | MemoryImage, name: str = "mask") -> LazyImage:
    """A mask over `photo`, white (255, 1, 1.0, True) where the edit belongs, of any kind that
    `image_of` takes. It is placed as the photo is. `DataError` for an ambiguous mask or one of
    another shape than the photo.
    """
    decoded = None
    if isinstance(mask, str | os.PathLike):
        file = checked_file(os.fspath(mask))
        if isinstance(photo, ImageFile):
            return MaskFile(ImageFile(file, photo.size, photo.fit, photo.multiple), photo)
        decoded, name = decode(file), f"mask {shorten(file)}"
    decoded = decoded or _decoded(mask, name)
    marked, notes = binary_mask(decoded, photo.photo(), lambda _: photo.layout, name)
    _warn(*decoded.notes, *notes)
    return MemoryMask(marked)


def _decoded(image: Any, name: str) -> Decoded:
    if isinstance(image, torch.Tensor):
        return _decoded(_channels_last(image, name), name)
    if isinstance(image, np.ndarray):
        return decode_opened(_from_numpy(image, name), name)
    if not isinstance(image, PIL.Image):
        raise DataError(f"{name}: expected {ACCEPTED}; got {shorten(type(image).__name__)}")
    try:
        return decode_opened(image, name)
    except DataError:
        raise
    except Exception as error:  # an image that Pillow opened lazily is decoded here
        raise DataError(
            f"{name}: expected a readable image; {shorten(error)}; check its file"
        ) from error


def _channels_last(image: torch.Tensor, name: str) -> Array:
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[0] not in (1, 3, 4)):
        raise DataError(
            f"{name}: expected a tensor [h, w] or [1, 3 or 4, h, w], channels first, one image; "
            f"got shape {list(image.shape)}; select one image or permute it"
        )
    image = image.detach().cpu()
    image = image.float() if image.is_floating_point() else image
    return (image if image.ndim == 2 else image.permute(1, 2, 0)).numpy()


def _from_numpy(image: Array, name: str) -> PIL.Image:
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)):
        raise DataError(
            f"{name}: expected an array [h, w] or [h, w, 1, 3 or 4], channels last, one image; "
            f"got shape {list(image.shape)}; select one image or transpose it"
        )
    if not image.size:
        raise DataError(f"{name}: expected an image with pixels; got shape {list(image.shape)}")
    image = image[:, :, 0] if image.shape[2:] == (1,) else image
    return PIL.fromarray(np.ascontiguousarray(_eight_bit(image, name)))


def _eight_bit(image: Array, name: str) -> Array:
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind == "b":
        return np.where(image, np.uint8(LEVELS), np.uint8(0))
    low, high = (image.min(), image.max()) if image.dtype.kind in "iuf" else (0, 0)
    if image.dtype.kind != "f" or not (low >= 0 and high <= 1):  # NaN compares as neither
        got = (
            f"{image.dtype} from {low:g} to {high:g}" if image.dtype.kind in "iuf" else image.dtype
        )
        raise DataError(
            f"{name}: expected uint8, or floating-point values in [0, 1]; got {got}; "
            "scale the values, or convert them to uint8"
        )
    return (image.astype(np.float64) * LEVELS).round().astype(np.uint8)


def _warn(*notes: str) -> None:
    for note in notes:
        log.warning("%s", note)
