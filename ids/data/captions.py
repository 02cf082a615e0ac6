"""Captions of the images of a folder: in one table, or in a text file beside each image."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ids.core.errors import DataError
from ids.data.cases import file_within
from ids.data.image_tree import FoundImage
from ids.data.messages import quote, shorten

MAX_BYTES = 256 * 2**20
MAX_CAPTION = 10_000  # bytes
COLUMNS = ("file_name", "text")  # of the `imagefolder` layout
Caption = Callable[[FoundImage], str]


def captions_in(top: Path) -> Caption:
    """The caption of an image of the folder, from `captions.json` {name: caption}, from
    `metadata.csv` or `metadata.jsonl` with the columns file_name and text, or from a text file
    beside each image. `DataError` for a malformed table, for two, and for an image without one.
    """
    readers = {
        "captions.json": _of_json,
        "metadata.csv": _of_csv,
        "metadata.jsonl": _of_json_lines,
    }
    found = [name for name in readers if (top / name).is_file()]
    if len(found) > 1:
        raise DataError(f"{shorten(top)}: expected one table of captions; got {', '.join(found)}")
    if not found:
        return partial(_beside, top)
    table = top / found[0]
    try:
        if (size := table.stat().st_size) > MAX_BYTES:
            raise DataError(f"{shorten(table)}: expected at most 256 MiB; got {size >> 20} MiB")
        return Captions(table, readers[found[0]](table.read_text("utf-8-sig")))
    except (OSError, ValueError, RecursionError, KeyError, TypeError, csv.Error) as error:
        raise DataError(
            f"{shorten(table)}: expected names of images and captions; {shorten(error)}; correct it"
        ) from error


@dataclass(frozen=True)
class Captions:
    """A table of captions by the name of the image, or by the name without its ending."""

    table: Path
    captions: Mapping[str, Any]

    def __call__(self, image: FoundImage) -> str:
        """The caption; `DataError` for an image without one."""
        caption = self.captions.get(image.name, self.captions.get(image.stem))
        if not isinstance(caption, str):
            raise DataError(
                f"{shorten(self.table)}: expected a caption of {quote(image.name)}; got "
                f"{'none' if caption is None else quote(caption)}; add it"
            )
        return caption


def _beside(top: Path, image: FoundImage) -> str:
    where = f"caption of {quote(image.name)}"
    file = file_within(top, f"{image.stem}.txt", where, "text file")
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_CAPTION + 1)
        if len(content) > MAX_CAPTION:
            raise DataError(f"{where}: expected at most {MAX_CAPTION} bytes; got more; shorten it")
        return content.decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{where}: expected text in UTF-8; {shorten(error)}; save it so") from error


def _of_json(text: str) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        raise TypeError("got no object")
    return dict(json.loads(text, object_pairs_hook=_each_once))


def _of_json_lines(text: str) -> dict[str, Any]:
    rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    return _each_once((row[COLUMNS[0]], row[COLUMNS[1]]) for row in rows)


def _of_csv(text: str) -> dict[str, Any]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return _each_once((row[COLUMNS[0]], row[COLUMNS[1]]) for row in rows)


def _each_once(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """`ValueError` for an image with two captions."""
    found: dict[str, Any] = {}
    for name, caption in pairs:
        if found.setdefault(name, caption) != caption:
            raise ValueError(f"got two captions of {quote(name)}")
    return found
