"""Edited images that other code made: found by the ids or the image paths of a data set, and read
by the rules of released evaluation code.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ids.core.errors import DataError
from ids.core.records import EditCase, LazyImage
from ids.core.tensors import Image
from ids.data.canvas import Size
from ids.data.colour import to_rgb
from ids.data.decode import decode, shape_of
from ids.data.image_files import ImageFile
from ids.data.messages import shorten
from ids.data.pie_release import ReleasedImage
from ids.data.strips import last_square
from ids.images import from_array

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")


def images_of_cases(folder: Path, cases: Sequence[EditCase], place: str) -> dict[str, Path]:
    """Case id -> file, for the cases that have one: FOLDER/<id>.png (.jpg, .jpeg, .webp), else
    FOLDER/<path of the source image>, with any of these endings, from the data set's folder (of
    `place`) or a folder below it. `DataError` where cases share a file.
    """
    root, home = folder.resolve(), Path(place)
    home = home.parent if home.is_file() else home
    found: dict[str, Path] = {}
    owners: dict[Path, str] = {}
    for case in cases:
        file = next((path for path in _places(root, case, home) if path.is_file()), None)
        if file is None:
            continue
        if file in owners:
            raise DataError(
                f"{shorten(file)}: expected an image of one case; got one of {owners[file]} and "
                f"{case.id}; name the files by case, as {case.id}.png"
            )
        found[case.id], owners[file] = file, case.id
    return found


def unmatched_images(folder: Path, matched: Iterable[Path]) -> list[str]:
    """The image files in a folder and below it that are of no case, relative to it, sorted."""
    root, known = folder.resolve(), set(matched)
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.suffix.lower() in ENDINGS and path not in known and path.is_file()
    )


def checked_size(file: Path, wanted: Size) -> None:
    """`DataError` for an image that has neither the wanted width and height nor those of a strip of
    such squares. Reads the header alone. Released code crops any image that is no square.
    """
    size = shape_of(file).size
    if size != wanted and not _is_strip(size, wanted):
        raise DataError(
            f"{shorten(file)}: expected {wanted[0]}x{wanted[1]} pixels, as its source, or a strip "
            f"of such squares; got {size[0]}x{size[1]}; set dataset.size, or save the edit at the "
            "size of its source"
        )


def read_external(file: Path, wanted: Size) -> Image:
    """RGB in [0, 1], upright and in sRGB; of a strip the last square, see `last_square`. Nothing is
    resized. `DataError` as `checked_size`, and for a file that cannot be read.
    """
    checked_size(file, wanted)
    decoded = decode(file)
    alone = decoded.image.size == wanted
    image = decoded.image if alone else last_square(decoded.image, wanted[0])
    return from_array(np.asarray(to_rgb(image, shorten(file))[0])).contiguous()


def size_of(image: LazyImage) -> Size:
    """Width and height of an image as metrics get it."""
    if file := _file_of(image):
        return file.layout.canvas
    height, width = image.load().shape[-2:]
    return width, height


def _file_of(image: LazyImage) -> ImageFile | None:
    found = image.file if isinstance(image, ReleasedImage) else image
    return found if isinstance(found, ImageFile) else None


def _is_strip(size: Size, wanted: Size) -> bool:
    """Whole squares of the wanted size, side by side."""
    width, height = size
    square = wanted[0] == wanted[1] == height
    return square and width > height and width % height == 0


def _places(root: Path, case: EditCase, home: Path) -> Iterator[Path]:
    """Where the image of a case may be, the most specific name first."""
    if Path(case.id).name == case.id:
        yield from (root / f"{case.id}{ending}" for ending in ENDINGS)
    file = _file_of(case.source)
    source = file.path if file else None
    if isinstance(source, Path) and source.is_relative_to(home):  # not the cell of a table
        parts = source.relative_to(home).parts
        for start in range(len(parts)):
            named = root.joinpath(*parts[start:])
            yield named
            yield from (named.with_suffix(ending) for ending in ENDINGS)
