"""A data set: images with prompts, read from a folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data.cases import checked_id, checked_prompt, file_within
from ids.data.image_files import ImageFile

TABLE = "mapping_file.json"


@dataclass(frozen=True)
class Template:
    """A folder with `mapping_file.json`, in the layout of PIE-Bench: a case id to `image_path`,
    `original_prompt`, `editing_prompt` and, if wanted, `editing_type_id`.

    `size` is the side of the canvas in pixels, `fit` how an image comes onto it (`ImageFile`).
    """

    path: str
    size: int
    fit: str = "stretch"

    partial: ClassVar[bool] = False  # True if it shows some of its rows at a time

    @property
    def name(self) -> str:
        """Its name in tables."""
        return f"template:{Path(self.path).name}"

    @property
    def place(self) -> str:
        """The full path: it distinguishes data sets of one name."""
        return str(Path(self.path).resolve() / TABLE)

    @property
    def view(self) -> str:
        """How images are brought to size."""
        return f"{self.size} px, {self.fit}"

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, index: int) -> EditCase:
        return self._cases[index]

    @cached_property
    def _cases(self) -> tuple[EditCase, ...]:
        table = Path(self.path) / TABLE
        try:
            rows = json.loads(table.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{table}: expected a JSON file; {error}; check the path") from error
        return tuple(self._case(key, row, f"{table} {key}") for key, row in rows.items())

    def _case(self, key: str, row: Mapping[str, Any], where: str) -> EditCase:
        missing = {"image_path", "original_prompt", "editing_prompt"} - set(row)
        if missing:
            raise DataError(f"{where}: expected {', '.join(sorted(missing))}; got none; add it")
        image = file_within(Path(self.path), row["image_path"], where)
        return EditCase(
            id=checked_id(key, where),
            source=ImageFile(image, self.size, self.fit),
            prompt_src=checked_prompt(_plain(row["original_prompt"]), where),
            prompt_trg=checked_prompt(_plain(row["editing_prompt"]), where),
            tags=frozenset({str(row["editing_type_id"])} if "editing_type_id" in row else ()),
        )


def _plain(prompt: str) -> str:
    """PIE-Bench puts the words that change in [brackets]."""
    return prompt.replace("[", "").replace("]", "")
