"""A data set: PIE-Bench (Ju et al. 2023), or another benchmark in its layout."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ids.core.errors import DataError
from ids.core.records import EditCase, LazyImage
from ids.core.tensors import Image
from ids.data import image_of, mask_of
from ids.data.canvas import checked_canvas, view_of
from ids.data.cases import checked_blend, checked_id, checked_prompt, checked_text, file_within
from ids.data.messages import quote, shorten

TABLE, IMAGES = "mapping_file.json", "annotation_images"
SIDE = 512  # of the images that the masks were drawn over
TEXTS = ("image_path", "original_prompt", "editing_prompt", "editing_type_id", "blended_word")
REQUIRED = TEXTS[:3]


@dataclass(frozen=True)
class Template:
    """A folder with `annotation_images/` and `mapping_file.json`: a case id to image_path,
    original_prompt, editing_prompt and optional editing_type_id (a tag), blended_word (`cat dog`)
    and mask (see `Runs`). `size`, `fit` and `multiple` are as of `ids.data.Folder`.

    `DataError` at the first access for a malformed entry or a missing image.
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
        return str(Path(self.path).resolve() / TABLE)

    @property
    def view(self) -> str:
        """How images are brought to size."""
        return view_of(self.size, self.fit, self.multiple)

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, index: int) -> EditCase:
        return self._cases[index]

    @cached_property
    def _cases(self) -> tuple[EditCase, ...]:
        table = Path(self.path) / TABLE
        try:
            rows = json.loads(table.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            reason = f"{shorten(error)}; check dataset.path"
            raise DataError(f"{shorten(table)}: expected a JSON file; {reason}") from error
        if not isinstance(rows, dict) or not rows:
            raise DataError(f"{shorten(table)}: expected an object of entries by id; got none")
        return tuple(self._case(k, row, f"{shorten(table)} {quote(k)}") for k, row in rows.items())

    def _case(self, key: str, row: Any, where: str) -> EditCase:
        texts = _texts(row, where)
        file = file_within(Path(self.path) / IMAGES, texts["image_path"], f"{where} image_path")
        photo = image_of(file, self.size, self.fit, self.multiple)
        before, after = (texts[name].replace("[", "").replace("]", "") for name in REQUIRED[1:])
        return EditCase(  # brackets in prompts enclose the words that change
            id=checked_id(key, where),
            source=photo,
            prompt_src=checked_prompt(before, f"{where} original_prompt"),
            prompt_trg=checked_prompt(after, f"{where} editing_prompt"),
            mask=Runs(_numbers(row["mask"], where), photo, where) if "mask" in row else None,
            tags=frozenset(texts.get("editing_type_id", "").split()),
            blend_words=checked_blend(texts.get("blended_word"), f"{where} blended_word"),
        )


@dataclass(frozen=True)
class Runs:
    """A mask of runs (start, length, start, length, ...) over 512 x 512 pixels, row by row, decoded
    on demand. As in the released code, a run is cut at the last pixel, one that starts after it
    marks nothing, and the outermost pixels are always marked: the annotations are unreliable there.
    """

    numbers: list[int]
    photo: Any  # of `image_of`
    where: str

    def digest(self) -> str:
        """Of the mask on the canvas. `DataError` for a photo of another shape than the mask."""
        return self._mask.digest()

    def load(self) -> Image:
        """0 or 1, equal in all three channels."""
        return self._mask.load()

    @cached_property
    def _mask(self) -> LazyImage:
        marked = np.zeros((SIDE, SIDE), dtype=bool)
        for start, length in zip(self.numbers[::2], self.numbers[1::2], strict=True):
            marked.reshape(-1)[start : start + length] = True
        marked[[0, -1], :] = marked[:, [0, -1]] = True
        return mask_of(marked, self.photo, f"{self.where} mask")


def _texts(row: Any, where: str) -> dict[str, str]:
    if not isinstance(row, dict) or not set(REQUIRED) <= set(row):
        raise DataError(f"{where}: expected an object with {', '.join(REQUIRED)}; add them")
    texts = {name: row[name] for name in TEXTS if name in row}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise DataError(f"{where} {name}: expected text; got {quote(text)}; quote it")
        checked_text(text, f"{where} {name}")
    return texts


def _numbers(runs: Any, where: str) -> list[int]:
    whole = isinstance(runs, list) and all(type(n) is int and n >= 0 for n in runs)
    if not whole or len(runs) % 2:
        expected = "pairs of start and length, 0 or more"
        raise DataError(f"{where} mask: expected {expected}; got {quote(runs)}; correct it")
    return list(runs)
