"""The data of InstructPix2Pix (Brooks et al. 2023): generated images with captions and
instructions.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, ClassVar

from ids.core.errors import DataError
from ids.core.needed import NeededFile, needed_file
from ids.core.records import EditCase
from ids.core.rows import RowLabel
from ids.data.canvas import checked_canvas, view_of
from ids.data.cases import checked_instruction, checked_prompt
from ids.data.decode import ImageSource
from ids.data.edit_pairs import AFTER, BEFORE, SEEDS, TEXTS, EditPairs, FolderPairs, TablePairs
from ids.data.hub import FolderOrHub
from ids.data.image_files import ImageFile
from ids.data.messages import shorten
from ids.data.shard_files import Split, open_shards


@dataclass(frozen=True)
class InstructPix2Pix:
    """Edits from one caption to another, with the instruction. `path` is

    - a data set of the hub, timbrooks/instructpix2pix-clip-filtered (313,010 rows, one split), in
      the cache or downloaded, at `revision`;
    - a folder of parquet files, or of Arrow files as `datasets` writes them, or one such file, with
      the columns original_prompt, original_image, edit_prompt, edited_prompt, edited_image;
    - the original folders with seeds.json, see `FolderPairs`.

    `truth`: the released edited image is the correct edit of its case. It is one sample of Stable
    Diffusion with Prompt-to-Prompt, chosen by CLIP, and not the only correct one.

    A row is read when it is requested. A malformed row raises `DataError` at its own access, an
    unreadable image at the `digest` or `load` of its case; a data set without rows at the first.
    """

    path: str
    size: int
    split: Split | None = "train"
    every_seed: bool = False
    truth: bool = False
    revision: str = "main"
    fit: str = "stretch"
    multiple: int = 8

    partial: ClassVar[bool] = False

    def __post_init__(self) -> None:
        checked_canvas(self.size, self.fit, self.multiple)

    @property
    def name(self) -> str:
        """`instruct_pix2pix:`, the hub id or the name of the folder, and the split."""
        name = self.path if self._place.on_hub else PurePath(self.place).name
        return f"instruct_pix2pix:{name}" + (f"/{self.split}" if self.split else "")

    @property
    def place(self) -> str:
        """The full path of the folder; of a data set of the hub, with the commit in the cache."""
        return self._place.place

    @property
    def view(self) -> str:
        """Size and fit of the canvas."""
        return view_of(self.size, self.fit, self.multiple)

    def files(self) -> list[NeededFile]:
        """The files of the table, or seeds.json. Their rows are not read."""
        if self._seeds.is_file():
            return [needed_file("list of pairs", self._seeds)]
        try:
            return self._place.needed()
        except DataError as error:
            return [NeededFile("data set", self.path, None, str(error))]

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> EditCase:
        if not 0 <= index < len(self):
            raise IndexError(index)
        pair, where = self._pairs.pair(index), self._pairs.place(index)
        return EditCase(
            id=self._pairs.case_id(index),
            source=self._image(pair.before),
            prompt_src=_text(pair.source, f"{where} caption"),
            prompt_trg=_text(pair.target, f"{where} caption of the edit"),
            truth=self._image(pair.after) if self.truth else None,
            instruction=_instruction(pair.instruction, f"{where} instruction"),
        )

    def label(self, index: int) -> RowLabel:
        """Id of a row, of a malformed one too; no row is read."""
        return RowLabel(self._pairs.case_id(index), frozenset())

    def _image(self, source: ImageSource) -> ImageFile:
        return ImageFile(source, self.size, self.fit, self.multiple)

    @cached_property
    def _pairs(self) -> EditPairs:
        self._check_options()
        folder = self._place.open()
        if self._seeds.is_file():
            return FolderPairs(folder, self.split, self.every_seed)
        if not folder.exists():
            raise DataError(
                f"dataset.path {shorten(self.path)}: expected a folder with {SEEDS}, parquet or "
                "Arrow files, or a hub id owner/name; found no such folder"
            )
        images = (BEFORE, AFTER) if self.truth else (BEFORE,)
        return TablePairs(open_shards(folder, self.split, (*TEXTS, *images)))

    def _check_options(self) -> None:
        """`DataError` for an option that has no effect on this layout."""
        if self.every_seed and not self._seeds.is_file():
            raise DataError(f"dataset.every_seed: expected false without {SEEDS}; got true")
        if self.revision != "main" and not self._place.on_hub:
            raise DataError("dataset.revision: expected main for a local path; remove it")

    @property
    def _seeds(self) -> Path:
        return self._place.local / SEEDS

    @property
    def _place(self) -> FolderOrHub:
        return FolderOrHub(self.path, self.revision)


def _text(value: Any, where: str) -> str:
    return checked_prompt(_typed(value, where), where)


def _typed(value: Any, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise DataError(f"{where}: expected text; got {type(value).__name__}; correct the row")
    return value


def _instruction(value: Any, where: str) -> str:
    return checked_instruction(_typed(value, where), where)
