"""Depth files of nerfstudio: 16-bit images of z-depth."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ids.core.errors import DataError
from ids.data.decode import decode, mode_and_size
from ids.data.messages import shorten

UNIT = 1e-3  # of a level, in units of the file; nerfstudio's `depth_unit_scale_factor`
MODES = ("I;16", "I;16B", "I;16L", "I", "L")


def read_depth(file: Path) -> NDArray[np.float64]:
    """The z-depth at each pixel of the distorted photo, [h, w], in units of the file before its
    `applied_scale`; 0 where none is known. Levels are cut, not rounded. `DataError` for an image in
    colour.
    """
    mode, _ = mode_and_size(file)
    if mode not in MODES:
        raise DataError(
            f"{shorten(file)}: expected a depth image of one channel; got mode {mode}; write it in "
            "16 bits"
        )
    return np.asarray(decode(file).image, dtype=np.float64) * UNIT
