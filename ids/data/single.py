"""One image and one pair of prompts: what `ids edit` runs on."""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data.canvas import checked_canvas
from ids.data.cases import checked_blend, checked_prompt, checked_weights, safe_stem
from ids.data.image_files import ImageFile, MaskFile
from ids.data.shown import shown


@dataclass(frozen=True)
class Single:
    """The image at `path`, to be brought from `prompt_src` to `prompt_trg`. For Prompt-to-Prompt
    `blend` (`cat dog`) and `weights` (`dog:2`), as a folder's columns. All of it is checked, and
    the images are read, when it is made.
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
        return os.path.realpath(self.path)

    def __post_init__(self) -> None:
        checked_canvas(self.size, self.fit, self.multiple)
        _ = self._case.digest

    @property
    def view(self) -> str:
        how = f" in steps of {self.multiple}" if self.fit == "aspect" else ""
        return f"{self.size} px, {self.fit}{how}"

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
        if "\0" in path or not os.path.isfile(path):
            raise DataError(
                f"{shown(path) or repr(path)}: expected an image file; none found; check the path"
            )
        return ImageFile(Path(path), self.size, self.fit, self.multiple)
