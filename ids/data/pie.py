"""PIE-Bench (Ju et al. 2023, arXiv:2310.01506): 700 images of ten kinds of edits."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import ClassVar

from ids.core.errors import DataError
from ids.core.needed import NeededFile, needed_file, needed_folder
from ids.core.records import EditCase
from ids.core.rows import RowLabel
from ids.data.canvas import checked_canvas, view_of
from ids.data.cases import checked_id, file_within
from ids.data.image_files import ImageFile
from ids.data.messages import quote, shorten
from ids.data.pie_release import ReleasedImage, bracketed_words, category_tags, prompt_of
from ids.data.pie_table import IMAGES, REMEDY, Entry, find_table, read_entries
from ids.data.run_lengths import RunLengthMask, checked_runs

SUBJECTS = {"artificial", "natural", "animal", "human", "indoor", "outdoor"}  # in folder names


@dataclass(frozen=True)
class PieBench:
    """The released folder: `mapping_file.json`, case id -> image_path, original_prompt,
    editing_prompt and optional editing_instruction, editing_type_id, blended_word and mask (see
    `decode_runs`); images below `images`, or `annotation_images` beside the table.

    `path` is the folder, its parent, or the table. Prompts lose every '[' and ']' and nothing else,
    as in the released code; the words in brackets are kept as metadata. Tags are number and name of
    the category (`pie_release.CATEGORIES`), and kind and subject in the image's folders. An image
    that is not RGB of 512 x 512 pixels is refused, as the masks were drawn over such images.

    A malformed entry raises `DataError` at its own access, an unreadable image at the `digest` or
    `load` of its case; a file that is no table of entries at the first access.
    """

    path: str
    size: int
    images: str | None = None

    name: ClassVar[str] = "pie_bench"
    partial: ClassVar[bool] = False  # an entry removed from the table is removed from the data set

    def __post_init__(self) -> None:
        checked_canvas(self.size)

    @property
    def place(self) -> str:
        """The full path of the table."""
        try:
            return os.path.realpath(self._table)
        except DataError:  # raised again at the first access to a case
            return os.path.realpath(os.path.expanduser(self.path))

    @property
    def view(self) -> str:
        """Size of the canvas. All images are squares, so that every fit is the same."""
        return view_of(self.size, "stretch", 1)

    def files(self) -> list[NeededFile]:
        """The table and the folder of its images. A single missing image fails its own row."""
        try:
            table, images = self._table, self._images
        except DataError as error:
            return [NeededFile("table of PIE-Bench", self.path, None, str(error))]
        photos = needed_folder("images of PIE-Bench", images, images.rglob("*.jpg"), REMEDY)
        return [needed_file("table of PIE-Bench", table, REMEDY), photos]

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> EditCase:
        entry = self._entries[index]
        where = f"{shorten(self._table)} {quote(entry.key)}"
        texts = entry.texts(where)
        case_id = checked_id(entry.key, where)
        file = file_within(self._images, texts["image_path"], f"{where} image_path")
        photo = ImageFile(file, self.size)
        return EditCase(
            id=case_id,
            source=ReleasedImage(photo, where),
            prompt_src=prompt_of(texts["original_prompt"], f"{where} original_prompt"),
            prompt_trg=prompt_of(texts["editing_prompt"], f"{where} editing_prompt"),
            mask=_mask(entry, photo, where),
            tags=_tags(entry),
            blend_words=_blend(texts.get("blended_word", "")),
            metadata=_metadata(texts),
            instruction=texts.get("editing_instruction", ""),
        )

    def label(self, index: int) -> RowLabel:
        """Id and tags of an entry, malformed ones included; its image is not read."""
        entry = self._entries[index]
        return RowLabel(shorten(entry.key), _tags(entry))

    @cached_property
    def _table(self) -> Path:
        return find_table(self.path)

    @cached_property
    def _entries(self) -> list[Entry]:
        return read_entries(self._table)

    @property
    def _images(self) -> Path:
        if self.images is None:
            return self._table.parent / IMAGES
        return Path(os.path.expanduser(self.images))


def _mask(entry: Entry, photo: ImageFile, where: str) -> RunLengthMask | None:
    if "mask" not in entry.values:
        return None
    return RunLengthMask(checked_runs(entry.values["mask"], f"{where} mask"), photo, where)


def _tags(entry: Entry) -> frozenset[str]:
    """The category, and the subjects in `1_artificial/1_animal/x.jpg`."""
    found = (entry.values.get(name) for name in ("editing_type_id", "image_path"))
    category, path = (text if isinstance(text, str) else "" for text in found)
    folders = {part.lstrip("0123456789_") for part in PurePosixPath(path).parts[:-1]}
    return frozenset(category_tags(category) | (folders & SUBJECTS))


def _blend(words: str) -> tuple[str, str] | None:
    """The first two words, as the released Prompt-to-Prompt takes them; None for fewer. A single
    word, at which the released code stops, costs no row: the case is edited without blending.
    """
    parts = words.split()
    return (parts[0], parts[1]) if len(parts) > 1 else None


def _metadata(texts: Mapping[str, str]) -> dict[str, str]:
    """The words in brackets, and blend words that are not two."""
    words = dict(bracketed_words(texts["original_prompt"], texts["editing_prompt"]))
    blended = texts.get("blended_word", "")
    return words if len(blended.split()) in (0, 2) else words | {"blended_word": blended}
