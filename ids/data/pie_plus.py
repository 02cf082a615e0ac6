"""PIE-Bench++ (Huang et al. 2024, ParallelEdits): the images of PIE-Bench with other prompts."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from ids.core.errors import DataError
from ids.core.needed import NeededFile
from ids.core.records import EditCase
from ids.core.rows import RowLabel
from ids.data.canvas import checked_canvas, view_of
from ids.data.cases import checked_id, checked_text
from ids.data.hub import FolderOrHub, remedy
from ids.data.image_files import ImageFile
from ids.data.messages import quote, shorten
from ids.data.pie_release import ReleasedImage, bracketed_words, category_tags, prompt_of
from ids.data.run_lengths import RunLengthMask, checked_runs
from ids.data.shard_files import open_shards
from ids.data.shards import Shards

HUB_ID = "UB-CVML-Group/PIE_Bench_pp"
REQUIRED = ("image", "id", "source_prompt", "target_prompt", "blended_words", "mask")
LABELS = ("edit_action", "aspect_mapping", "blended_words")  # kept as metadata
CATEGORY = re.compile(r"([0-9])_[a-z_]+(_[0-9]+)?")  # of a folder: 6_change_attribute_color_40
NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True)
class PieBenchPlus:
    """The parquet files of the hub's `UB-CVML-Group/PIE_Bench_pp`, in a folder per category, with
    the columns image, id, source_prompt, target_prompt, edit_action, aspect_mapping, blended_words
    (a JSON list of `cat,dog`) and mask (runs as text, `0 262144`); see `PieBench` for brackets,
    masks and images. `path` is that id, in the cache or downloaded, a folder, or one file.

    Prompts were rewritten to change several things at once: numbers are not comparable to those of
    PIE-Bench, and its name in tables states it. Words of Prompt-to-Prompt are set where exactly one
    pair of words is given, since blending takes one pair.

    A malformed row raises `DataError` at its own access, an unreadable image at the `digest` or
    `load` of its case.
    """

    path: str
    size: int

    name: ClassVar[str] = "pie_bench_pp (other prompts; not comparable to pie_bench)"
    partial: ClassVar[bool] = False

    def __post_init__(self) -> None:
        checked_canvas(self.size)

    @property
    def place(self) -> str:
        """The full path of the folder; of the hub's, with the commit in the cache."""
        return self._place.place

    @property
    def view(self) -> str:
        """Size of the canvas. All images are squares, so that every fit is the same."""
        return view_of(self.size, "stretch", 1)

    def files(self) -> list[NeededFile]:
        """The parquet files; one missing file for a folder without any."""
        try:
            return self._place.needed()
        except DataError as error:
            return [NeededFile("data set", self.path, None, f"{error}; {remedy(HUB_ID)}")]

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index: int) -> EditCase:
        where = f"{self._table.place(index)} {quote(self._ids[index])}"
        if self._ids.index(self._ids[index]) != index:
            raise DataError(f"{where}: expected every case id once; got it again; rename one")
        texts = {name: self._text(index, name, where) for name in REQUIRED[2:]}
        source, target = texts["source_prompt"], texts["target_prompt"]
        image = ImageFile(self._table.image(index, "image"), self.size)
        return EditCase(
            id=checked_id(self._ids[index], where),
            source=ReleasedImage(image, where),
            prompt_src=prompt_of(source, f"{where} source_prompt"),
            prompt_trg=prompt_of(target, f"{where} target_prompt"),
            mask=RunLengthMask(_runs(texts["mask"], f"{where} mask"), image, where),
            tags=self.label(index).tags,
            blend_words=_blend(texts["blended_words"]),
            metadata={**bracketed_words(source, target), **self._labels(index, where)},
        )

    def label(self, index: int) -> RowLabel:
        """Id and category of a row, of a malformed one too; its image is not read."""
        found = CATEGORY.fullmatch(self._table.file(index).parent.name)
        return RowLabel(self._ids[index], frozenset(category_tags(found[1] if found else "")))

    def _text(self, index: int, column: str, where: str) -> str:
        text = self._table.cell(index, column)
        if not isinstance(text, str):
            got = "none" if text is None else type(text).__name__
            raise DataError(f"{where} {column}: expected text; got {got}; {remedy(HUB_ID)}")
        checked_text(text, f"{where} {column}")
        return text

    def _labels(self, index: int, where: str) -> dict[str, str]:
        columns = [name for name in LABELS if name in self._table.columns(index)]
        return {name: self._text(index, name, where) for name in columns}

    @cached_property
    def _ids(self) -> list[str]:
        """Of every row; a row whose id cannot be read is named by its file."""
        return [self._id(index) for index in range(len(self._table))]

    def _id(self, index: int) -> str:
        try:
            cell: Any = self._table.cell(index, "id")
        except DataError:
            cell = None
        return shorten(cell) if isinstance(cell, str) else self._table.row_id(index)

    @cached_property
    def _table(self) -> Shards:
        folder = self._place.open()
        if not folder.exists():
            raise DataError(
                f"dataset.path {shorten(self.path)}: expected a folder with the parquet files of "
                f"PIE-Bench++, or {HUB_ID}; found no such folder; {remedy(HUB_ID)}"
            )
        return open_shards(folder, None, REQUIRED)

    @property
    def _place(self) -> FolderOrHub:
        return FolderOrHub(self.path)


def _runs(text: str, where: str) -> list[int]:
    """`0 262144` as numbers. `DataError` as of `checked_runs`."""
    parts = text.split()
    wrong = [part for part in parts if not NUMBER.fullmatch(part)]
    return checked_runs(wrong[0] if wrong else [int(part) for part in parts], where)


def _blend(text: str) -> tuple[str, str] | None:
    """The words of `["cat,dog"]`; None for another number of pairs, and for phrases."""
    try:
        pairs = json.loads(text or "[]")
    except (ValueError, RecursionError):
        return None
    if not isinstance(pairs, list) or len(pairs) != 1 or not isinstance(pairs[0], str):
        return None
    words = [word.strip() for word in pairs[0].split(",")]
    single = len(words) == 2 and all(len(word.split()) == 1 for word in words)
    return (words[0], words[1]) if single else None
