"""A folder of pictures with a table of prompts."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data.cases import (
    checked_blend,
    checked_canvas,
    checked_id,
    checked_prompt,
    checked_unique,
    checked_weights,
    mask_within,
    picture_within,
)

TABLES = ("edits.csv", "edits.jsonl", "edits.yaml")
COLUMNS = ("image", "source", "target", "id", "mask", "tags", "blend", "weights")


@dataclass(frozen=True)
class Folder:
    """Pictures in `path`, named by a table there: `edits.csv`, `edits.jsonl` or `edits.yaml`.

    Columns: image, source (prompt), target (prompt); if wanted id, mask (a picture, white where the
    edit belongs), tags (words), and for Prompt-to-Prompt blend (`cat dog`, the words of source and
    target that say where the edit belongs) and weights (`dog:2`, emphasis of target words). `path`
    may also name the table itself.
    """

    path: str
    size: int
    fit: str = "stretch"

    partial = False  # a row that has left the table has left the data set

    def __post_init__(self) -> None:
        checked_canvas(self.size, self.fit)

    @property
    def name(self) -> str:
        path = Path(self.path).expanduser().resolve()
        return f"folder:{path.parent.name if path.suffix else path.name}"

    @property
    def place(self) -> str:
        return str(self._table.resolve())

    @property
    def view(self) -> str:
        return f"{self.size} px, {self.fit}"

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, index: int) -> EditCase:
        return self._cases[index]

    @cached_property
    def _table(self) -> Path:
        path = Path(self.path).expanduser()
        if path.is_file():
            return path
        for name in TABLES:
            if (path / name).is_file():
                return path / name
        state = "it has none" if path.is_dir() else "there is no such folder"
        raise DataError(
            f"dataset.path {self.path}: expected a folder with {' or '.join(TABLES)}; {state}"
        )

    @cached_property
    def _cases(self) -> tuple[EditCase, ...]:
        rows = _read(self._table)
        if not rows:
            raise DataError(f"{self._table}: expected one row per edit; got none")
        cases = tuple(self._case(row, number) for number, row in enumerate(rows, start=1))
        checked_unique((case.id for case in cases), str(self._table))
        return cases

    def _case(self, row: Mapping[str, Any], number: int) -> EditCase:
        where = f"{self._table} row {number}"
        for column in row:
            if column not in COLUMNS:
                raise DataError(
                    f"{where}: expected the columns {', '.join(COLUMNS)}; got {column!r}"
                )
        if not row.get("image"):
            raise DataError(f"{where}: expected the name of a picture in column image; got none")
        folder, image = self._table.parent, str(row["image"])
        return EditCase(
            id=checked_id(str(row.get("id") or f"{Path(image).stem}-{number}"), where),
            source=picture_within(folder, image, self.size, self.fit, where),
            prompt_src=checked_prompt(row.get("source"), f"{where}, source"),
            prompt_trg=checked_prompt(row.get("target"), f"{where}, target"),
            mask=mask_within(folder, str(row["mask"]), self.size, self.fit, where)
            if row.get("mask")
            else None,
            tags=frozenset(str(row.get("tags") or "").split()),
            blend_words=checked_blend(row.get("blend"), f"{where}, blend"),
            word_weights=checked_weights(row.get("weights"), f"{where}, weights"),
        )


def _read(table: Path) -> list[Mapping[str, Any]]:
    try:
        text = table.read_text(encoding="utf-8-sig")
        if table.suffix == ".csv":
            return list(csv.DictReader(text.splitlines()))
        if table.suffix == ".jsonl":
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            rows = yaml.safe_load(text) or []
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(
            f"{table}: expected CSV, JSON lines or YAML by its ending; {error}"
        ) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{table}: expected a list of rows, each with {', '.join(COLUMNS[:3])}")
    return rows
