"""Image and mask files as cases hold them: read when needed, named by their pixels."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PIL

from ids.core.errors import DataError
from ids.core.tensors import Image
from ids.data.canvas import Layout, Size, layout
from ids.data.colour import to_rgb
from ids.data.decode import Shape, decode, shape_of
from ids.data.masks import levels, under_photo
from ids.data.shown import shown

log = logging.getLogger(__name__)
Array = NDArray[Any]


@dataclass
class FirstReading:
    """The digest of a file's pixels as they were first read. A file that changes while it is in use
    would give an edit the name of another image.
    """

    digest: str = ""

    def hold(self, pixels: Array, path: Path, notes: Iterable[str]) -> Array:
        """The pixels, [h, w] or [h, w, 3], if they are the first or the same. Notes are logged
        once.
        """
        shape = "x".join(map(str, pixels.shape))
        digest = hashlib.sha256(f"{shape}/".encode() + pixels.tobytes()).hexdigest()
        for note in notes if not self.digest else ():
            log.warning("%s", note)
        self.digest = self.digest or digest
        if self.digest != digest:
            raise DataError(
                f"{shown(path)}: expected the image it was at first; it has changed since; "
                "start again"
            )
        return pixels


@dataclass(frozen=True)
class ImageFile:
    """An image on disk as 8-bit sRGB: EXIF orientation and colour profile applied, transparency
    laid on white, deep values scaled, the first frame of several.

    `fit` brings it onto the canvas, see `layout`: `stretch` to size x size (the released DDS, CDS
    and IDS pipelines), `crop` the middle square (the DDS notebook), `pad` the whole photo within
    size x size, `aspect` the photo's own shape in sides that `multiple` divides.
    """

    path: Path
    size: int
    fit: str = "stretch"
    multiple: int = 8
    _first: FirstReading = field(
        default_factory=FirstReading, init=False, repr=False, compare=False
    )

    def digest(self) -> str:
        """Of the pixels that `load` gives: name, container and metadata play no part."""
        if not self._first.digest:
            self._pixels()
        return self._first.digest

    def load(self) -> Image:
        pixels = torch.from_numpy(self._pixels().copy())
        return pixels.permute(2, 0, 1).float() / 255

    def photo_size(self) -> Size:
        """Width and height of the photo, upright, before it came onto the canvas."""
        return self.shape.size

    def restore(self, image: Image) -> PIL.Image:
        """An edited canvas, 8 bits, at the photo's own size and shape. Of `crop` the square at its
        own resolution: the rest of the photo was never edited.
        """
        pixels = (image.detach().cpu().float().clamp(0, 1) * 255).round().to(torch.uint8)
        return self.layout.restore(PIL.fromarray(pixels.permute(1, 2, 0).numpy()))

    @cached_property
    def shape(self) -> Shape:
        return shape_of(self.path)

    @cached_property
    def layout(self) -> Layout:
        return self.layout_of(self.shape.size)

    def layout_of(self, photo: Size) -> Layout:
        return layout(photo, self.size, self.fit, self.multiple, shown(self.path))

    def _pixels(self) -> Array:
        decoded = decode(self.path)
        image, notes = to_rgb(decoded.image, shown(self.path))
        pixels = self.layout_of(image.size).place(image)
        return self._first.hold(pixels, self.path, decoded.notes + notes)


@dataclass(frozen=True)
class MaskFile:
    """A mask on disk, white where the edit belongs: see `ids.data.masks` for what is read as such.
    `photo` is the image it was drawn over: the mask follows its orientation, and must have its
    shape. `where` names the row in warnings.
    """

    image: ImageFile
    photo: ImageFile | None = None
    where: str = field(default="", compare=False)
    _first: FirstReading = field(
        default_factory=FirstReading, init=False, repr=False, compare=False
    )

    def digest(self) -> str:
        """Of the mask as it is used, 0 or 1 at every pixel of the canvas."""
        if not self._first.digest:
            self._pixels()
        return self._first.digest

    def load(self) -> Image:
        """0 or 1, the same in all three channels."""
        return torch.from_numpy(self._pixels().copy()).float().expand(3, -1, -1)

    def _pixels(self) -> Array:
        path = self.image.path
        named = f"mask {shown(path)}"
        decoded = decode(path)
        mask = levels(decoded.image, named)
        placed = self.image.layout_of(mask.size)
        if self.photo is not None:
            photo = f"{named} over {shown(self.photo.path)}"
            mask = under_photo(mask, decoded.shape, self.photo.shape, photo)
            placed = self.photo.layout
        marked = (placed.place(mask) > 127).astype(np.uint8)
        notes = (*decoded.notes, *self._extremes(marked, placed, named))
        return self._first.hold(marked, path, notes)

    def _extremes(self, marked: Array, placed: Layout, named: str) -> Iterable[str]:
        left, top, right, bottom = placed.inner
        share = marked[top:bottom, left:right].mean()
        where = f"{self.where}: " if self.where else ""
        if share == 0:
            yield f"{where}{named} marks nothing; the whole image counts as background"
        if share == 1:
            yield f"{where}{named} marks everything; there is no background to measure"
