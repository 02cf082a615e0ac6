"""COLMAP's binary models: little endian, no padding. No count is trusted before the bytes that it
announces are known to exist.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ids.captures.colmap_records import (
    IDS,
    ColmapImage,
    ColmapModel,
    check_images,
    lens_of,
    parameter_names,
)
from ids.captures.lens import Lens
from ids.core.errors import DataError
from ids.data.messages import shorten

Array = NDArray[np.float64]
MAX_BYTES = 1 << 32
KEYPOINT, TRACK = 24, 8  # bytes of a keypoint of an image, and of an observation of a point
CAMERA, IMAGE, POINT = 24, 65, 51  # least bytes of a record


def read_binary_model(folder: Path) -> ColmapModel:
    """Cameras and images. `DataError` for files that end early, or have bytes left over."""
    cameras, images = folder / "cameras.bin", folder / "images.bin"
    return ColmapModel(_cameras(_Bytes(cameras)), _images(_Bytes(images)), images.name)


def read_binary_points(file: Path) -> tuple[Array, Array]:
    """Points [P, 3], and colours in [0, 1]."""
    content = _Bytes(file)
    points, colours = [], []
    for _ in range(content.count("points", POINT)):
        x, y, z, red, green, blue, n_tracks = content.take("<8xddd3B8xQ")
        content.skip(n_tracks, TRACK, "observations")
        points.append((x, y, z))
        colours.append((red, green, blue))
    content.check_end()
    array = np.array(points, dtype=np.float64).reshape(-1, 3)
    if not np.isfinite(array).all():
        raise DataError(f"{shorten(file)}: expected finite points; got NaN; write the model again")
    return array, np.array(colours, dtype=np.float64).reshape(-1, 3) / 255


def _cameras(content: "_Bytes") -> dict[int, Lens]:
    cameras: dict[int, Lens] = {}
    for _ in range(content.count("cameras", CAMERA)):
        camera, number, width, height = content.take("<iiQQ")
        where = f"{content.where} camera {camera}"
        if not 0 <= number < len(IDS):
            raise DataError(
                f"{where}: expected a camera model id of 0 to {len(IDS) - 1}; got {number}; write "
                "the model again"
            )
        if camera in cameras:
            raise DataError(f"{where}: expected every camera id once; got it twice")
        n_values = len(parameter_names(IDS[number], where))
        values = content.take(f"<{n_values}d")
        cameras[camera] = lens_of(IDS[number], width, height, values, where)
    content.check_end()
    return cameras


def _images(content: "_Bytes") -> list[ColmapImage]:
    images = []
    for _ in range(content.count("images", IMAGE)):
        number, *pose, camera = content.take("<i7di")
        name = content.text()
        (n_keypoints,) = content.take("<Q")
        content.skip(n_keypoints, KEYPOINT, "keypoints")
        images.append(ColmapImage(number, pose[:4], pose[4:], camera, name))
    content.check_end()
    check_images(images, content.where)
    return images


@dataclass
class _Bytes:
    """A file, and how far it was read."""

    file: Path
    data: bytes = field(init=False, repr=False)
    at: int = 0

    def __post_init__(self) -> None:
        try:
            if (size := self.file.stat().st_size) > MAX_BYTES:
                raise DataError(
                    f"{self.where}: expected at most {MAX_BYTES >> 30} GiB; got {size >> 30}; "
                    "write a smaller model"
                )
            self.data = self.file.read_bytes()
        except OSError as error:
            raise DataError(f"{self.where}: expected a file; {error.strerror}") from error

    @property
    def where(self) -> str:
        """The file, in messages."""
        return shorten(self.file)

    def take(self, layout: str) -> tuple[Any, ...]:
        """The next values."""
        self._need(struct.calcsize(layout))
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def count(self, what: str, least: int) -> int:
        """The next number of records, each of at least so many bytes."""
        (number,) = self.take("<Q")
        self._fits(number, least, what)
        return int(number)

    def skip(self, number: int, size: int, what: str) -> None:
        """Pass over records."""
        self._fits(number, size, what)
        self.at += number * size

    def text(self) -> str:
        """The next text, up to its zero byte."""
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise self._too_short("a name")
        name = self.data[self.at : end].decode("utf-8", "surrogateescape")
        self.at = end + 1
        return name

    def check_end(self) -> None:
        """`DataError` for bytes after the last record."""
        if rest := len(self.data) - self.at:
            raise DataError(
                f"{self.where}: expected its end after the last record; got {rest} bytes more; "
                "write the model again"
            )

    def _fits(self, number: int, size: int, what: str) -> None:
        if number * size > len(self.data) - self.at:
            raise self._too_short(f"{number} {what}")

    def _need(self, size: int) -> None:
        if self.at + size > len(self.data):
            raise self._too_short(f"{size} bytes")

    def _too_short(self, what: str) -> DataError:
        return DataError(
            f"{self.where}: expected {what} at byte {self.at}; the file ends early, at "
            f"{len(self.data)}; write the model again"
        )
