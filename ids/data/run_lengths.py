"""The run-length masks of PIE-Bench, decoded as its released evaluation decodes them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PIL

from ids.core.errors import DataError
from ids.core.tensors import Image
from ids.data.decode import Decoded, Shape
from ids.data.image_files import ImageFile
from ids.data.masks import as_mask, binary_mask
from ids.data.messages import quote
from ids.images import digest_of_pixels

log = logging.getLogger(__name__)
SIDE = 512  # pixels of the raster, and of the images under it
Raster = NDArray[np.bool_]
Array = NDArray[Any]


def decode_runs(runs: Sequence[int]) -> Raster:
    """[512, 512], True where the edit belongs, of start, length, start, length, ... over the
    pixels row by row. A run is cut at the last pixel, a run that starts beyond it marks nothing,
    runs may overlap and be unordered. The outermost rows and columns are always marked: the
    annotations are unreliable in them (`mask_decode` of the released evaluation).
    """
    marked = np.zeros(SIDE * SIDE, dtype=bool)
    for start, length in zip(runs[::2], runs[1::2], strict=True):
        marked[start : start + length] = True
    raster = marked.reshape(SIDE, SIDE)
    raster[[0, -1], :] = raster[:, [0, -1]] = True
    return raster


def checked_runs(runs: object, where: str) -> list[int]:
    """The list of runs. `DataError` for anything but pairs of whole numbers from 0: the released
    code raises an index error for an odd list, and wraps a negative start around.
    """
    if not isinstance(runs, list):
        raise _malformed(where, quote(runs))
    if wrong := [number for number in runs if type(number) is not int or number < 0]:
        raise _malformed(where, quote(wrong[0]))
    if len(runs) % 2:
        raise _malformed(where, f"an odd number of them, {len(runs)}")
    return runs


def _malformed(where: str, got: str) -> DataError:
    return DataError(
        f"{where}: expected a list of whole numbers from 0 in pairs, start and length of each run; "
        f"got {got}; copy it from the released file"
    )


@dataclass(frozen=True)
class RunLengthMask:
    """The mask of a photo of 512 x 512 pixels, from the list of `checked_runs`, decoded on demand
    and placed on the canvas as the photo is. `where` names the row in messages.
    """

    runs: Sequence[int]
    photo: ImageFile
    where: str

    def digest(self) -> str:
        """SHA-256 of the mask on the canvas, as of a file that gives the same mask. `DataError`
        for a photo of another shape.
        """
        return self._digest

    def load(self) -> Image:
        """0 or 1, equal in all three channels."""
        return as_mask(self._marked()[0])

    @cached_property
    def _digest(self) -> str:
        marked, notes = self._marked()
        for note in notes:
            log.warning("%s", note)
        return digest_of_pixels(marked)

    def _marked(self) -> tuple[Array, tuple[str, ...]]:
        raster = PIL.fromarray(np.where(decode_runs(self.runs), np.uint8(255), np.uint8(0)))
        drawn = Decoded(raster, Shape(raster.size, None))
        return binary_mask(drawn, self.photo.photo(), self.photo.layout_of, f"{self.where} mask")
