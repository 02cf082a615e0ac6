"""The table of PIE-Bench: `mapping_file.json`, an object of entries by case id."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ids.core.errors import DataError
from ids.data.cases import checked_text
from ids.data.json_files import read_json
from ids.data.messages import quote, shorten

TABLE, IMAGES = "mapping_file.json", "annotation_images"
REMEDY = (
    "set dataset.path, or request it from its authors, https://github.com/cure-lab/PnPInversion"
)
MAX_BYTES = 256 * 2**20
REQUIRED = ("image_path", "original_prompt", "editing_prompt")
TEXTS = (*REQUIRED, "editing_instruction", "editing_type_id", "blended_word")


@dataclass(frozen=True)
class Entry:
    """One entry, as it is in the file: its key and its values by name."""

    key: str
    values: Mapping[str, Any]
    fault: str = ""  # why it cannot be used

    def texts(self, where: str) -> dict[str, str]:
        """The values that are text, by name. `DataError` for a missing or malformed one."""
        if self.fault:
            raise DataError(f"{where}: {self.fault}")
        if missing := [name for name in REQUIRED if name not in self.values]:
            raise DataError(f"{where}: expected {', '.join(REQUIRED)}; {missing[0]} is missing")
        texts = {name: self.values[name] for name in TEXTS if name in self.values}
        for name, text in texts.items():
            if not isinstance(text, str):
                raise DataError(f"{where} {name}: expected text; got {quote(text)}; quote it")
            checked_text(text, f"{where} {name}")
        return texts


class _Pairs(tuple[tuple[str, Any], ...]):
    """A JSON object as it is in the file: a name may occur twice."""


def find_table(path: str) -> Path:
    """The table in a folder, in one of its folders, or beside the images; or the file itself.
    `DataError` unless exactly one is found.
    """
    if not path.strip() or "\0" in path:
        raise _no_table(path, "got no path")
    place = Path(os.path.expanduser(path))
    try:
        if place.is_file():
            return place
        beside = [place.parent / TABLE] if place.name == IMAGES else []
        near = [place / TABLE, *beside]
        found = [file for file in near if file.is_file()] or sorted(place.glob(f"*/{TABLE}"))
    except OSError as error:
        raise _no_table(path, str(error.strerror)) from error
    if len(found) > 1:
        names = ", ".join(str(file.parent.name) for file in found)
        raise _no_table(path, f"found several, in {shorten(names)}")
    if not found:
        raise _no_table(path, "found none" if place.is_dir() else "found no such folder")
    return found[0]


def _no_table(path: str, state: str) -> DataError:
    return DataError(
        f"dataset.path {shorten(path)}: expected the folder of PIE-Bench, with {TABLE} and "
        f"{IMAGES}; {state}; {REMEDY}"
    )


def read_entries(table: Path) -> list[Entry]:
    """All entries in the order of the file; a key that occurs again is a fault of the later one.
    `DataError` for a file that is no JSON object of entries.
    """
    content = read_json(table, MAX_BYTES, "a JSON file in UTF-8", "check dataset.path", _Pairs)
    if not isinstance(content, _Pairs) or not content:
        raise DataError(
            f"{shorten(table)}: expected an object of entries by case id; got none; check "
            "dataset.path"
        )
    known: set[str] = set()
    entries = []
    for key, values in content:
        entries.append(_entry(key, values, again=key in known))
        known.add(key)
    return entries


def _entry(key: str, values: Any, again: bool) -> Entry:
    if not isinstance(values, _Pairs):
        expected = f"an object with {', '.join(REQUIRED)}"
        return Entry(key, {}, f"expected {expected}; got {quote(values)}; correct it")
    names: Sequence[str] = [name for name, _ in values]
    if again:
        return Entry(key, dict(values), "expected every case id once; got it again; rename one")
    if twice := next((name for name in names if names.count(name) > 1), ""):
        fault = f"expected every name once; got {quote(twice)} again; remove one"
        return Entry(key, dict(values), fault)
    return Entry(key, dict(values))
