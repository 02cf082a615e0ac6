"""Image translation: every image of a folder from one word to others, as cat to pig."""

import logging
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple

from ids.core.errors import DataError
from ids.core.needed import NeededFile, needed_folder
from ids.core.records import EditCase
from ids.core.rows import RowLabel
from ids.core.text import counted
from ids.data.canvas import checked_canvas, view_of
from ids.data.captions import Caption, captions_in
from ids.data.cases import checked_path, checked_prompt, file_within, id_of_name
from ids.data.image_files import ImageFile, MaskFile
from ids.data.image_tree import FoundImage, find_images
from ids.data.messages import quote, shorten

log = logging.getLogger(__name__)
SLOT = "{}"
REMEDY = "put the images there, or name their folder in dataset.path"


class Wording(NamedTuple):
    """The prompts of a case, and the words by which they differ."""

    source: str
    target: str
    words: tuple[str, str]


@dataclass(frozen=True)
class Translation:
    """The images in `path`, at any depth, from the word `source` to each of the words `target`.

    The prompts are `template` with the words in the place of {}. With `captions`, the caption of an
    image is its source prompt, and the target prompt is the caption with the word replaced; see
    `captions_in`. Single words are also the blend words of Prompt-to-Prompt. `masks` names a folder
    below `path` with masks of the images' names, white where the edit belongs; it need not exist.

    Cases are ordered by image, then by target. Their ids are image-target. A malformed row raises
    `DataError` at its own access; a folder without images at the first.
    """

    path: str
    size: int
    source: str
    target: Sequence[str]
    template: str = "a photo of a {}"
    captions: bool = False
    masks: str = "masks"
    fit: str = "stretch"
    multiple: int = 8

    partial: ClassVar[bool] = False

    def __post_init__(self) -> None:
        checked_canvas(self.size, self.fit, self.multiple)
        if self.template.count(SLOT) != 1:
            raise ValueError(
                f"dataset.template: expected {SLOT} once, in the place of the word; got "
                f"{self.template!r}"
            )
        if len(set(map(_joined, self._targets))) < max(len(self._targets), 1):
            raise ValueError(f"dataset.target: expected different words; got {self.target!r}")
        if not all(word.strip() for word in (self.source, *self._targets)):
            raise ValueError("dataset.source, dataset.target: expected words; got an empty one")

    @property
    def name(self) -> str:
        """`translation:`, the name of the folder, and the words."""
        words = f"{self.source} to {' and '.join(self._targets)}"
        return f"translation:{Path(os.path.realpath(self._top)).name} {words}"

    @property
    def place(self) -> str:
        """The full path of the folder."""
        return os.path.realpath(self._top)

    @property
    def view(self) -> str:
        """Size and fit of the canvas."""
        return view_of(self.size, self.fit, self.multiple)

    def files(self) -> list[NeededFile]:
        """The folder of images; one without images is missing."""
        try:
            files = [self._top / image.name for image in self._images]
        except DataError:  # raised again at the first access to a case
            files = []
        return [needed_folder("folder of images", self._top, files, REMEDY)]

    def __len__(self) -> int:
        return len(self._images) * len(self._targets)

    def __getitem__(self, index: int) -> EditCase:
        if not 0 <= index < len(self):
            raise IndexError(index)
        found, word = self._pair(index)
        label, wording = self.label(index), self._wording(found, word)
        source, mask = self._image(found.name), self._mask(found)
        single = all(len(word.split()) == 1 for word in wording.words)
        return EditCase(
            id=label.id,
            source=source,
            prompt_src=checked_prompt(wording.source, f"source prompt of {quote(found.name)}"),
            prompt_trg=checked_prompt(wording.target, f"target prompt of {quote(found.name)}"),
            mask=MaskFile(mask, source, f"case {label.id}") if mask else None,
            tags=label.tags,
            blend_words=wording.words if single else None,
        )

    def label(self, index: int) -> RowLabel:
        """Id and target word of a row, of a malformed one too; its image is not read."""
        found, word = self._pair(index)
        tag = _joined(word)
        return RowLabel(f"{found.image_id}-{id_of_name(tag.replace('-', '_'))}", frozenset({tag}))

    def _pair(self, index: int) -> tuple[FoundImage, str]:
        image, target = divmod(index, len(self._targets))
        return self._images[image], self._targets[target]

    def _wording(self, found: FoundImage, word: str) -> Wording:
        caption_of = self._caption
        if caption_of is None:
            source, target = (self.template.replace(SLOT, text) for text in (self.source, word))
            return Wording(source, target, (self.source, word))
        caption = caption_of(found)
        place = re.compile(rf"(?<!\w){re.escape(self.source)}(?!\w)", re.IGNORECASE)
        if (match := place.search(caption)) is None:
            raise DataError(
                f"caption of {quote(found.name)}: expected the word {quote(self.source)} in it; "
                f"got {quote(caption)}; correct it or set dataset.captions=false"
            )
        return Wording(caption, place.sub(lambda _: word, caption), (match.group(), word))

    def _mask(self, found: FoundImage) -> ImageFile | None:
        names = self._mask_names.get(found.stem, [])
        if len(names) > 1:
            raise DataError(
                f"{quote(found.name)}: expected one mask; got {shorten(', '.join(names))}; "
                "remove the others"
            )
        return self._image(f"{self.masks}/{names[0]}") if names else None

    def _image(self, name: str) -> ImageFile:
        return ImageFile(file_within(self._top, name, "image"), self.size, self.fit, self.multiple)

    @cached_property
    def _images(self) -> list[FoundImage]:
        images = find_images(self._top, without=[self.masks])
        if not images:
            raise DataError(
                f"dataset.path {shorten(self._top)}: expected images; found none; {REMEDY}"
            )
        return images

    @cached_property
    def _mask_names(self) -> dict[str, list[str]]:
        """The masks by their name without ending."""
        folder = self._top / self.masks
        names: dict[str, list[str]] = defaultdict(list)
        for mask in find_images(folder) if self.masks and folder.is_dir() else []:
            names[mask.stem].append(mask.name)
        missing = [image.name for image in self._images if names and image.stem not in names]
        if missing:
            without = counted(len(missing), "image has", "images have")
            log.warning("%s: %s no mask", shorten(folder), without)
        return dict(names)

    @cached_property
    def _caption(self) -> Caption | None:
        return captions_in(self._top) if self.captions else None

    @property
    def _targets(self) -> Sequence[str]:
        return (self.target,) if isinstance(self.target, str) else self.target

    @property
    def _top(self) -> Path:
        return checked_path(self.path)


def _joined(words: str) -> str:
    return "_".join(words.split())
