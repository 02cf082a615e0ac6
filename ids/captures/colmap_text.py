"""COLMAP's text models. The name of an image is the rest of its line, spaces included."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ids.captures.colmap_records import ColmapImage, ColmapModel, check_images, lens_of
from ids.captures.lens import Lens
from ids.core.errors import DataError
from ids.data.messages import shorten

Array = NDArray[np.float64]
MAX_BYTES = 1 << 32
Line = tuple[str, str]  # where it is, and its text


def read_text_model(folder: Path) -> ColmapModel:
    """Cameras and images. `DataError`, with the line, for a malformed one."""
    images = folder / "images.txt"
    return ColmapModel(_cameras(folder / "cameras.txt"), _images(images), images.name)


def read_text_points(file: Path) -> tuple[Array, Array]:
    """Points [P, 3], and colours in [0, 1]."""
    rows = [_numbers(text.split()[1:7], 6, where) for where, text in _lines(file) if text.strip()]
    values = np.array(rows, dtype=np.float64).reshape(-1, 6)
    if not np.isfinite(values).all():
        raise DataError(f"{shorten(file)}: expected finite points; got NaN; write the model again")
    return values[:, :3], values[:, 3:] / 255


def _cameras(file: Path) -> dict[int, Lens]:
    cameras: dict[int, Lens] = {}
    for where, text in _lines(file):
        if not text.strip():
            continue
        parts = text.split()
        if len(parts) < 5:
            raise DataError(
                f"{where}: expected id, model, width, height, parameters; got {len(parts)}"
            )
        camera, width, height = (_whole(part, where) for part in (parts[0], *parts[2:4]))
        if camera in cameras:
            raise DataError(f"{where}: expected every camera id once; got {camera} twice")
        values = _numbers(parts[4:], len(parts) - 4, where)
        cameras[camera] = lens_of(parts[1], width, height, values, f"{where}, camera {camera}")
    return cameras


def _images(file: Path) -> list[ColmapImage]:
    """Two lines an image; the second, its keypoints, may be empty."""
    images = []
    lines = _lines(file)
    for where, text in lines:
        if not text.strip():
            continue
        parts = text.split(maxsplit=9)
        if len(parts) != 10:
            raise DataError(
                f"{where}: expected id, pose, camera id and name; got {len(parts)} values"
            )
        pose = _numbers(parts[1:8], 7, where)
        number, camera = _whole(parts[0], where), _whole(parts[8], where)
        images.append(ColmapImage(number, pose[:4], pose[4:], camera, parts[9].rstrip()))
        place, keypoints = next(lines, ("", ""))
        if len(keypoints.split()) % 3:
            raise DataError(f"{place}: expected keypoints, x y id each; got an incomplete one")
    check_images(images, shorten(file))
    return images


def _lines(file: Path) -> Iterator[Line]:
    """Every line but comments."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise DataError(f"{shorten(file)}: expected at most {MAX_BYTES >> 30} GiB; got more")
        with file.open(encoding="utf-8", errors="surrogateescape", newline=None) as opened:
            for number, text in enumerate(opened, start=1):
                if not text.startswith("#"):
                    yield f"{shorten(file)} line {number}", text
    except OSError as error:
        raise DataError(f"{shorten(file)}: expected a file; {error.strerror}") from error


def _numbers(parts: Sequence[str], count: int, where: str) -> list[float]:
    if len(parts) != count:
        raise DataError(
            f"{where}: expected {count} numbers; got {len(parts)}; write the model again"
        )
    try:
        return [float(part) for part in parts]
    except ValueError as error:
        raise DataError(
            f"{where}: expected numbers; {shorten(error)}; write the model again"
        ) from error


def _whole(part: str, where: str) -> int:
    if not part.lstrip("-").isdecimal() or len(part) > 18:
        raise DataError(
            f"{where}: expected a whole number; got {part[:40]!r}; write the model again"
        )
    return int(part)
