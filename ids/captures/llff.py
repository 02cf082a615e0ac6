"""LLFF's poses_bounds.npy.

Mildenhall et al. 2019; github Fyusion/LLFF, llff/poses/pose_utils.py. A row per photo in code-point
order of their names: [R | t | (h, w, f)] row-major in 3x5, then near and far z-depth. Fewer numbers
than a camera has: one focal length, the principal point in the middle, no distortion.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ids.captures.found import Found, Place, View, collect, no_images, photo_file
from ids.captures.lens import Lens, as_size
from ids.captures.poses import pose_of_llff
from ids.core.errors import DataError
from ids.data.image_tree import ENDINGS
from ids.data.messages import quote, shorten

Array = NDArray[np.float64]
FILE = "poses_bounds.npy"
WIDTH = 17  # numbers of a row


def read_llff(place: Place) -> Found:
    """Photos, poses and bounds. `h`, `w`, `f` are those of the full photos: the photos of another
    folder (`images_4`) get theirs by the ratio of sizes.
    """
    file = place.folder / FILE
    rows = _rows(file)
    names = photo_names(place.folder / place.images)
    if len(names) != len(rows):
        raise DataError(
            f"{shorten(file)}: expected a row per photo; got {len(rows)} rows and {len(names)} "
            f"photos in {place.images}; a photo without a pose must be removed"
        )
    numbered = [
        (number, row, name) for number, (row, name) in enumerate(zip(rows, names, strict=True))
    ]

    def view_of(item: tuple[int, Array, str]) -> View:
        return _view(place.folder / place.images, file, *item)

    views, faults = collect(numbered, view_of, shorten(file), leave_out=False)
    return Found("llff", views, faults, bounded=True)


def photo_names(folder: Path) -> list[str]:
    """The photos directly in a folder, in code-point order. `DataError` without such a folder."""
    try:
        return sorted(
            file.name
            for file in folder.iterdir()
            if file.suffix.lower() in ENDINGS and not file.name.startswith(".")
        )
    except OSError as error:
        raise no_images(folder, error) from error


def _view(folder: Path, file: Path, number: int, row: Array, name: str) -> View:
    where = f"{shorten(file)} row {number} ({quote(name)})"
    if not np.isfinite(row).all():
        raise DataError(f"{where}: expected finite numbers; got NaN or infinity; remove the row")
    matrix, (near, far) = row[:15].reshape(3, 5), row[15:]
    if not 0 < near < far:
        raise DataError(
            f"{where}: expected bounds 0 < near < far; got {near:g} and {far:g}; remove the row"
        )
    height, width = (as_size(float(side), where) for side in matrix[:2, 4])
    focal = float(matrix[2, 4])
    photo = photo_file(folder, name, where)
    lens = Lens(width, height, focal, focal, width / 2, height / 2)
    return View(
        name=name,
        file=photo,
        c2w=pose_of_llff(matrix[:, :4], where),
        lens=lens,
        near_far=(float(near), float(far)),
    )


def _rows(file: Path) -> Array:
    """[N, 17]. The file is mapped, so that no memory is taken for a size that its header claims."""
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, TypeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{shorten(file)}: expected an array of N x {WIDTH} numbers; {shorten(reason)}; write "
            "it again"
        ) from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.shape[1] != WIDTH:
        got = "x".join(map(str, getattr(array, "shape", ()))) or "another kind"
        raise DataError(
            f"{shorten(file)}: expected an array of N x {WIDTH} numbers; got {got}; write it again"
        )
    if array.dtype.kind not in "fiu":
        raise DataError(f"{shorten(file)}: expected numbers; got {array.dtype}; write it again")
    return np.array(array, dtype=np.float64)
