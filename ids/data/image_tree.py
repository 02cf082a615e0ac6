"""The image files below a folder."""

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from ids.core.errors import DataError
from ids.core.text import counted
from ids.data.cases import id_of_name
from ids.data.messages import shorten

log = logging.getLogger(__name__)
ENDINGS = {
    *(".png", ".jpg", ".jpeg", ".jfif", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".avif"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
}
NAMED = 3  # files that a message names; the others are counted


@dataclass(frozen=True)
class FoundImage:
    """An image file below a folder."""

    name: str  # its path below the folder, with '/'
    image_id: str  # the beginning of a case id

    @property
    def stem(self) -> str:
        """The name without its ending, which masks and captions share."""
        return _stem(self.name)


def find_images(top: Path, without: Sequence[str] = ()) -> list[FoundImage]:
    """The images below `top`, by name, at any depth; hidden files and folders, and the folders in
    `without`, are skipped. Files that are no images are counted in one warning, but for those with
    the name of an image. `DataError` for a folder that does not exist or cannot be read.
    """
    files = list(_files(top, without))
    names = [name for name in files if _is_image(name)]
    counts = Counter(map(_stem, names))
    if others := [name for name in files if not _is_image(name) and _stem(name) not in counts]:
        more = ", ..." if len(others) > NAMED else ""
        shown = shorten(", ".join(others[:NAMED]) + more)
        files_are = counted(len(others), "file is no image", "files are no images")
        log.warning("%s: %s: %s", shorten(top), files_are, shown)
    return [FoundImage(name, id_of_name(_short(name, counts))) for name in names]


def _short(name: str, counts: Mapping[str, int]) -> str:
    """The name without its ending, unless another image could have the same short name."""
    stem = _stem(name)
    return name if counts[stem] > 1 or _is_image(stem) else stem


def _files(top: Path, without: Sequence[str]) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise DataError(
            f"{shorten(error.filename)}: expected a folder of images; {error.strerror}; put "
            "the images there, or name their folder in dataset.path"
        ) from error

    for folder, folders, files in os.walk(top, onerror=refuse):
        below = PurePath(folder).relative_to(top)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and (below / name).as_posix() not in without
        )
        yield from ((below / name).as_posix() for name in sorted(files) if name[0] != ".")


def _is_image(name: str) -> bool:
    return PurePath(name).suffix.lower() in ENDINGS


def _stem(name: str) -> str:
    return PurePath(name).with_suffix("").as_posix()
