"""One picture and one pair of prompts: what `ids edit` runs on."""

from dataclasses import dataclass
from pathlib import Path

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data.cases import checked_blend, checked_canvas, checked_prompt, checked_weights
from ids.data.pictures import MaskFile, PictureFile


@dataclass(frozen=True)
class Single:
    """The picture at `path`, to be brought from `prompt_src` to `prompt_trg`. For Prompt-to-Prompt
    `blend` (`cat dog`) and `weights` (`dog:2`), as a folder's columns.
    """

    path: str
    prompt_src: str
    prompt_trg: str
    size: int
    mask: str | None = None
    fit: str = "stretch"
    blend: str = ""
    weights: str = ""

    name = "single"
    partial = True  # every edit is a row of its own

    @property
    def place(self) -> str:
        return str(Path(self.path).resolve())

    def __post_init__(self) -> None:
        checked_canvas(self.size, self.fit)
        checked_prompt(self.prompt_src, "source prompt")
        checked_prompt(self.prompt_trg, "target prompt")
        checked_blend(self.blend, "dataset.blend")
        checked_weights(self.weights, "dataset.weights")
        for path in filter(None, (self.path, self.mask)):
            if not Path(path).is_file():
                raise DataError(f"{path}: expected a picture file; there is none; check the path")
            PictureFile(Path(path), self.size, self.fit).load()  # so that a bad one stops at once

    @property
    def view(self) -> str:
        return f"{self.size} px, {self.fit}"

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> EditCase:
        if index != 0:
            raise IndexError(index)
        source = PictureFile(Path(self.path), self.size, self.fit)
        mask = MaskFile(PictureFile(Path(self.mask), self.size, self.fit)) if self.mask else None
        return EditCase(
            source.digest()[:12],
            source,
            self.prompt_src.strip(),
            self.prompt_trg.strip(),
            mask,
            blend_words=checked_blend(self.blend, "dataset.blend"),
            word_weights=checked_weights(self.weights, "dataset.weights"),
        )
