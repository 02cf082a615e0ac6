"""One image and one pair of prompts: the data set of `ids edit`."""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ids.core.needed import NeededFile, needed_file
from ids.core.records import EditCase
from ids.data.canvas import checked_canvas, view_of
from ids.data.cases import checked_blend, checked_prompt, checked_weights, safe_stem
from ids.data.image_files import ImageFile, MaskFile, checked_file


@dataclass(frozen=True)
class Single:
    """One edit of the image at `path`, from `prompt_src` to `prompt_trg`. `blend` (`cat dog`) and
    `weights` (`dog:2`) are for Prompt-to-Prompt, as the columns of a `Folder`. Everything is
    checked, and the images are read, on construction: `DataError` or `ValueError`.
    """

    path: str
    prompt_src: str
    prompt_trg: str
    size: int
    mask: str | None = None
    fit: str = "aspect"
    blend: str = ""
    weights: str = ""
    multiple: int = 8

    name: ClassVar[str] = "single"
    partial: ClassVar[bool] = True  # every edit is a row of its own

    @property
    def place(self) -> str:
        """The full path of the image."""
        return os.path.realpath(self.path)

    def __post_init__(self) -> None:
        checked_canvas(self.size, self.fit, self.multiple)
        _ = self._case.digest

    @property
    def view(self) -> str:
        """Size and fit of the canvas."""
        return view_of(self.size, self.fit, self.multiple)

    def files(self) -> list[NeededFile]:
        """The image, and the mask if one is given."""
        masks = [] if self.mask is None else [needed_file("mask", Path(self.mask))]
        return [needed_file("image", Path(self.path)), *masks]

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> EditCase:
        if index != 0:
            raise IndexError(index)
        return self._case

    @cached_property
    def _case(self) -> EditCase:
        prompts = f"{self.prompt_src}\0{self.prompt_trg}".encode("utf-8", "surrogatepass")
        source = self._image(self.path)
        return EditCase(
            id=f"{safe_stem(self.path)}-{hashlib.sha256(prompts).hexdigest()[:8]}",
            source=source,
            prompt_src=checked_prompt(self.prompt_src, "source prompt"),
            prompt_trg=checked_prompt(self.prompt_trg, "target prompt"),
            mask=MaskFile(self._image(self.mask), source) if self.mask is not None else None,
            blend_words=checked_blend(self.blend, "dataset.blend"),
            word_weights=checked_weights(self.weights, "dataset.weights"),
        )

    def _image(self, path: str) -> ImageFile:
        return ImageFile(checked_file(path), self.size, self.fit, self.multiple)
