"""A data set: a JSON file beside its images, a list of {"image", "source", "target"}."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data import image_of
from ids.data.canvas import checked_canvas, view_of
from ids.data.cases import checked_prompt, file_within, safe_stem
from ids.data.messages import shorten

COLUMNS = ("image", "source", "target")


@dataclass(frozen=True)
class Template:
    """The rows of the JSON file at `path`, each an image (a file below the file's folder), a source
    and a target prompt. `size`, `fit` and `multiple` are as of `ids.data.Folder`.

    A malformed row raises `DataError` at its own access, and costs itself only.
    """

    path: str
    size: int
    fit: str = "stretch"
    multiple: int = 8

    partial: ClassVar[bool] = False  # True if it shows some of its rows at a time

    def __post_init__(self) -> None:
        checked_canvas(self.size, self.fit, self.multiple)

    @property
    def name(self) -> str:
        """Its name in tables."""
        return f"template:{Path(self.path).resolve().name}"

    @property
    def place(self) -> str:
        """The full path: it distinguishes data sets of one name."""
        return str(Path(self.path).resolve())

    @property
    def view(self) -> str:
        """How images are brought to size."""
        return view_of(self.size, self.fit, self.multiple)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> EditCase:
        row, where = self._rows[index], f"{shorten(self.path)} row {index + 1}"
        if not isinstance(row, dict) or not all(isinstance(row.get(c), str) for c in COLUMNS):
            raise DataError(f"{where}: expected text for {', '.join(COLUMNS)}; correct the row")
        file = file_within(Path(self.path).parent, row["image"], f"{where} image")
        return EditCase(
            id=f"{safe_stem(row['image'])}-{index + 1}",
            source=image_of(file, self.size, self.fit, self.multiple),
            prompt_src=checked_prompt(row["source"], f"{where} source"),
            prompt_trg=checked_prompt(row["target"], f"{where} target"),
        )

    @cached_property
    def _rows(self) -> list[Any]:
        try:
            rows = json.loads(Path(self.path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            reason = f"{shorten(error)}; check dataset.path"
            raise DataError(f"{shorten(self.path)}: expected a JSON file; {reason}") from error
        if not isinstance(rows, list) or not rows:
            raise DataError(f"{shorten(self.path)}: expected a list of rows; got none; add some")
        return rows
