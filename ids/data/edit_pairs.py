"""The pairs of InstructPix2Pix, captions and images before and after an edit, in each layout."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from math import floor
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ids.core.errors import DataError
from ids.data.cases import file_within, id_of_name
from ids.data.decode import ImageSource
from ids.data.messages import quote, shorten
from ids.data.shard_files import Split
from ids.data.shards import Shards

SEEDS = "seeds.json"
PROMPT = "prompt.json"
SHARES = {"train": (0.0, 0.9), "val": (0.9, 0.95), "test": (0.95, 1.0)}  # of edit_dataset.py
MAX_BYTES = 2**20  # of a prompt.json
SEED = re.compile("[0-9A-Za-z_]{1,100}")
TEXTS = ("original_prompt", "edit_prompt", "edited_prompt")
BEFORE, AFTER = "original_image", "edited_image"


@dataclass(frozen=True)
class EditPair:
    """One row: captions and instruction (text, or whatever the file has instead), image files."""

    source: Any
    instruction: Any
    target: Any
    before: ImageSource
    after: ImageSource


@runtime_checkable
class EditPairs(Protocol):
    """The rows of a layout."""

    def __len__(self) -> int: ...
    def case_id(self, row: int) -> str:
        """Unique, and the same when other rows are added or removed."""
        ...

    def place(self, row: int) -> str:
        """The row in messages."""
        ...

    def pair(self, row: int) -> EditPair:
        """The row; its images are not read. `DataError` for a malformed row."""
        ...


@dataclass(frozen=True)
class TablePairs:
    """Rows with the columns of the published tables."""

    table: Shards

    def __len__(self) -> int:
        return len(self.table)

    def case_id(self, row: int) -> str:
        """Name of the file, number of the row in it."""
        return self.table.row_id(row)

    def place(self, row: int) -> str:
        """File and row."""
        return self.table.place(row)

    def pair(self, row: int) -> EditPair:
        """One row of the table."""
        source, instruction, target = (self.table.cell(row, column) for column in TEXTS)
        before, after = (self.table.image(row, column) for column in (BEFORE, AFTER))
        return EditPair(source, instruction, target, before, after)


@dataclass(frozen=True)
class FolderPairs:
    """The original layout: seeds.json lists [folder, [seeds]]; a folder has prompt.json {input,
    edit, output} and two images per seed, <seed>_0.jpg and <seed>_1.jpg. `split` takes 90, 5 or 5 %
    of the folders by their order, as edit_dataset.py does. `every_seed`: a row per seed; else the
    first seed of each folder (edit_dataset.py draws one at random).
    """

    top: Path
    split: Split | None
    every_seed: bool

    def __len__(self) -> int:
        return len(self._rows)

    def case_id(self, row: int) -> str:
        """Folder and seed; the row's number in addition for one that is listed again."""
        folder, seed, fault = self._rows[row]
        name = id_of_name(f"{folder}-{seed}")
        return f"{name}-row{row}" if fault else name

    def place(self, row: int) -> str:
        """seeds.json, and the folder that it names."""
        return f"{shorten(self.top / SEEDS)} {quote(self._rows[row][0])}"

    def pair(self, row: int) -> EditPair:
        """Reads prompt.json; `DataError` where it or an image is missing."""
        folder, seed, fault = self._rows[row]
        if fault:
            raise DataError(f"{self.place(row)}: {fault}")
        where = f"{self.place(row)} seed {shorten(seed)}"
        before, after = (
            file_within(self.top, f"{folder}/{seed}_{number}.jpg", where) for number in (0, 1)
        )
        captions = _captions(file_within(self.top, f"{folder}/{PROMPT}", where, "captions"))
        return EditPair(captions["input"], captions["edit"], captions["output"], before, after)

    @cached_property
    def _rows(self) -> list[tuple[str, str, str]]:
        """Folder, seed and fault of every row."""
        entries = _entries(self.top / SEEDS)
        first, last = SHARES[self.split] if self.split else (0.0, 1.0)
        chosen = entries[floor(first * len(entries)) : floor(last * len(entries))]
        rows, seen = [], set()
        for entry in chosen:
            folder, seeds, fault = _entry(entry)
            for seed in seeds if self.every_seed else seeds[:1]:
                again = "expected every folder and seed once; listed again; remove it"
                rows.append((folder, seed, fault or (again if (folder, seed) in seen else "")))
                seen.add((folder, seed))
        return rows


def _entry(entry: Any) -> tuple[str, list[str], str]:
    """Folder, seeds and fault of an entry of seeds.json; a faulty one counts as one seed."""
    match entry:
        case [str(folder), [_, *_] as seeds] if all(SEED.fullmatch(str(seed)) for seed in seeds):
            return folder, [str(seed) for seed in seeds], ""
    folder = entry[0] if isinstance(entry, list) and entry else "entry"
    return str(folder), [""], f'expected ["folder", [seeds]]; got {quote(entry)}; correct it'


def _entries(file: Path) -> list[Any]:
    try:
        entries = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{shorten(file)}: expected a JSON list; {shorten(error)}; correct it"
        ) from error
    if not isinstance(entries, list) or not entries:
        raise DataError(f'{shorten(file)}: expected a list of ["folder", [seeds]]; got none')
    return entries


def _captions(file: Path) -> dict[str, Any]:
    expected = f"{shorten(file)}: expected a JSON object with input, edit and output"
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise DataError(f"{expected}; got {size >> 20} MiB; check the file")
        captions = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{expected}; {shorten(reason)}; check the file") from error
    names = set(captions) if isinstance(captions, dict) else set()
    if missing := [name for name in ("input", "edit", "output") if name not in names]:
        raise DataError(f"{expected}; missing: {', '.join(missing)}; add it")
    return dict(captions)
