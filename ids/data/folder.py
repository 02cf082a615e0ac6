"""A folder of images with a table of prompts."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import ClassVar

from ids.core.errors import DataError
from ids.core.needed import NeededFile, needed_file
from ids.core.records import EditCase
from ids.data.canvas import checked_canvas, view_of
from ids.data.cases import (
    checked_blend,
    checked_id,
    checked_path,
    checked_prompt,
    checked_text,
    checked_weights,
    file_within,
    safe_stem,
)
from ids.data.image_files import ImageFile, MaskFile
from ids.data.messages import quote, shorten
from ids.data.table_columns import OPTIONAL, REQUIRED
from ids.data.tables import ENDINGS, Row, read_table

TABLES = tuple(f"edits{ending}" for ending in ENDINGS)
METADATA = ("metadata.csv", "metadata.jsonl")  # of the `imagefolder` layout
Open = Callable[[str, str], ImageFile]  # (file name, column in messages) -> image


@dataclass(frozen=True)
class Folder:
    """Images in `path`, listed in a table in it: `edits.csv`, `edits.jsonl` or `edits.yaml`; else
    `metadata.csv` or `metadata.jsonl`, the names of the `imagefolder` layout. `path` may also name
    the table itself.

    Columns: image, source (prompt), target (prompt); optional: id, mask (an image, white where the
    edit belongs), tags (words), instruction (`make it a dog`), and for Prompt-to-Prompt blend (`cat
    dog`, the words of source and target prompt that locate the edit) and weights (`dog:2`, emphasis
    of target words). Other columns are kept as metadata. `ALIASES` lists the names that other
    layouts have for these columns. In JSON and YAML, target may be a list: the row is one case per
    target, with ids ID-1, ID-2 and so on, and mask, tags, instruction, blend and weights may be
    lists of the same length. `fit` and `multiple` bring an image of another shape to the canvas,
    see `ImageFile`.

    With `strict`, malformed rows and missing files raise one `DataError` at the first access to a
    case; without it, each at its own access. An unreadable image or mask raises it at the `digest`
    or `load` of its own case.
    """

    path: str
    size: int
    fit: str = "stretch"
    multiple: int = 8
    strict: bool = True

    partial: ClassVar[bool] = False  # a row removed from the table is removed from the data set

    def __post_init__(self) -> None:
        checked_canvas(self.size, self.fit, self.multiple)

    @property
    def name(self) -> str:
        """`folder:` and the name of the folder."""
        path = Path(os.path.realpath(self._path))
        return f"folder:{path.parent.name if os.path.isfile(path) else path.name}"

    @property
    def place(self) -> str:
        """The full path of the table."""
        try:
            return os.path.realpath(self._table)
        except DataError:  # raised again at the first access to a case
            return os.path.realpath(self._path)

    @property
    def view(self) -> str:
        """Size and fit of the canvas."""
        return view_of(self.size, self.fit, self.multiple)

    def files(self) -> list[NeededFile]:
        """The table of prompts. Its images are not listed: a missing one fails its own row."""
        try:
            return [needed_file("table of prompts", self._table)]
        except DataError as error:
            return [NeededFile("table of prompts", self.path, None, str(error))]

    def __len__(self) -> int:
        return len(self._checked)

    def __getitem__(self, index: int) -> EditCase:
        row = self._checked[index]
        if isinstance(row, DataError):
            raise row
        return row

    def row_by_row(self) -> "Folder":
        """The same table without `strict`."""
        return replace(self, strict=False)

    @property
    def _path(self) -> Path:
        return checked_path(self.path)

    @cached_property
    def _table(self) -> Path:
        try:
            if self._path.is_file():
                return self._path
            entries = sorted(self._path.iterdir())
        except FileNotFoundError as error:
            raise self._no_table("found no such folder") from error
        except OSError as error:
            raise self._no_table(str(error.strerror)) from error
        tables = [file for file in entries if file.name.lower() in TABLES and file.is_file()]
        found = tables or [file for file in entries if file.name in METADATA and file.is_file()]
        if not found:
            raise self._no_table("found none")
        if len(found) > 1:
            names = ", ".join(file.name for file in found)
            raise self._no_table(f"found {names}; name one of them in dataset.path")
        return found[0]

    def _no_table(self, state: str) -> DataError:
        names = " or ".join((*TABLES, *METADATA))
        return DataError(
            f"dataset.path {shorten(self.path)}: expected a folder with {names}; {state}"
        )

    @cached_property
    def _checked(self) -> Sequence[EditCase | DataError]:
        faults = [row for row in self._rows if isinstance(row, DataError)] if self.strict else []
        if faults:
            more = f"; further faulty rows: {len(faults) - 1}" if len(faults) > 1 else ""
            raise DataError(f"{faults[0]}{more}")
        return self._rows

    @cached_property
    def _rows(self) -> Sequence[EditCase | DataError]:
        """The case of each row, or its fault."""

        @cache  # an image of several rows is read once
        def open_image(name: str, column: str) -> ImageFile:
            path = file_within(self._table.parent, name, f"column {column}")
            return ImageFile(path, self.size, self.fit, self.multiple)

        rows: list[EditCase | DataError] = []
        ids: set[str] = set()
        for row in read_table(self._table):
            try:
                case = _case(row, open_image)
                if case.id in ids:
                    raise DataError(
                        f"expected every case id once; got {quote(case.id)} twice; rename one"
                    )
                ids.add(case.id)
                rows.append(case)
            except DataError as error:
                rows.append(DataError(f"{shorten(self._table)} line {row.line}: {error}"))
        return rows


def _case(row: Row, open_image: Open) -> EditCase:
    """The case of a row. Errors name the column; the caller adds the line."""
    if row.fault:
        raise DataError(row.fault)
    cells = row.cells
    if not cells["image"].strip():
        raise DataError("column image: expected the name of an image; got none; add it")
    for column, text in cells.items():
        checked_text(column + text, f"column {shorten(column)}")
    case_id = cells.get("id", "").strip() or f"{safe_stem(cells['image'])}-{row.number}"
    case_id += f"-{row.part}" if row.part else ""
    source = open_image(cells["image"], "image")
    mask = cells.get("mask", "")
    return EditCase(
        id=checked_id(case_id, "column id"),
        source=source,
        prompt_src=checked_prompt(cells["source"], "column source"),
        prompt_trg=checked_prompt(cells["target"], "column target"),
        mask=MaskFile(open_image(mask, "mask"), source, f"case {case_id}")
        if mask.strip()
        else None,
        tags=frozenset(cells.get("tags", "").split()),
        blend_words=checked_blend(cells.get("blend"), "column blend"),
        word_weights=checked_weights(cells.get("weights"), "column weights"),
        instruction=cells.get("instruction", "").strip(),
        metadata={name: text for name, text in cells.items() if name not in REQUIRED + OPTIONAL},
    )
