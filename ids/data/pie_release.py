"""What the releases of PIE-Bench have in common: categories, prompts with brackets, images."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ids.core.errors import DataError
from ids.core.tensors import Image
from ids.data.canvas import Size
from ids.data.cases import checked_prompt
from ids.data.decode import mode_and_size
from ids.data.image_files import ImageFile
from ids.data.run_lengths import SIDE

CATEGORIES = {  # of editing_type_id
    "0": "random",
    "1": "change_object",
    "2": "add_object",
    "3": "delete_object",
    "4": "content",
    "5": "pose",
    "6": "colour",
    "7": "material",
    "8": "background",
    "9": "style",
}
BRACKETED = re.compile(r"\[([^\[\]]*)\]")


def prompt_of(text: str, where: str) -> str:
    """The prompt without '[' and ']', and otherwise unchanged, as the released code reads it.
    `DataError` for an empty one.
    """
    return checked_prompt(text.replace("[", "").replace("]", ""), where)


def bracketed_words(source: str, target: str) -> Mapping[str, str]:
    """The words in brackets, which mark what changes, as metadata."""
    found = {"bracketed_source": source, "bracketed_target": target}
    words = {name: ", ".join(BRACKETED.findall(text)) for name, text in found.items()}
    return {name: text for name, text in words.items() if text}


def category_tags(category: str) -> set[str]:
    """Number and name of a category; one that PIE-Bench does not have is a tag unchanged."""
    numbers = category.split()
    return {*numbers, *(CATEGORIES[number] for number in numbers if number in CATEGORIES)}


@dataclass(frozen=True)
class ReleasedImage:
    """An image as the benchmark releases them: RGB, 512 x 512 pixels. `DataError` for another: the
    released evaluation fails on it, and masks would not fit.
    """

    file: ImageFile
    where: str  # the row in messages

    def digest(self) -> str:
        """SHA-256 of the pixels on the canvas."""
        self._check()
        return self.file.digest()

    def load(self) -> Image:
        """RGB in [0, 1] on the canvas."""
        self._check()
        return self.file.load()

    def photo_size(self) -> Size:
        """Width and height of the file."""
        return self.file.photo_size()

    def _check(self) -> None:
        mode, size = mode_and_size(self.file.path)
        if (mode, size) != ("RGB", (SIDE, SIDE)):
            got = f"{size[0]}x{size[1]} pixels, mode {mode}"
            raise DataError(
                f"{self.where}: expected an image of {SIDE}x{SIDE} pixels in RGB, as released; "
                f"got {got}, {self.file.name}; use the released file"
            )
