"""Edits that a program asks for: the data set of `ids.edit`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ids.core.errors import DataError
from ids.core.records import EditCase
from ids.data.cases import checked_blend, checked_prompt, checked_weights
from ids.data.image_files import ImageFile
from ids.data.memory_images import MemoryImage, image_of, mask_of


@dataclass(frozen=True)
class Canvas:
    """How images are brought to size: `size` pixels a side, `fit` as of `Folder`, `multiple` for
    the sides of `fit` aspect.
    """

    size: int
    fit: str = "aspect"
    multiple: int = 8

    @property
    def view(self) -> str:
        """In words, for tables."""
        return f"{self.size} px, {self.fit}"


@dataclass(frozen=True)
class Given:
    """Cases in memory, each with the image it was made of. A list of images shares one prompt, or
    has a list of prompts.
    """

    cases: Sequence[EditCase]
    images: Sequence[ImageFile | MemoryImage]
    view: str

    name: ClassVar[str] = "given"
    place: ClassVar[str] = ""
    partial: ClassVar[bool] = True  # each call adds its rows

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> EditCase:
        return self.cases[index]


def given(
    images: Sequence[Any],
    masks: Any,
    source: str | Sequence[str],
    target: str | Sequence[str],
    canvas: Canvas,
    blend: str = "",
    weights: str = "",
) -> Given:
    """The cases of images (paths, PIL images, arrays, tensors; see `image_of`), one id by number.
    `blend` and `weights` are for Prompt-to-Prompt. `DataError` names the image that cannot be used.
    """
    n = len(images)
    if not n:
        raise DataError("image: expected one image or more; got an empty list; add one")
    prompts = zip(_each(source, n, "source"), _each(target, n, "target"), strict=True)
    masks = _each(masks, n, "mask")
    made, cases = [], []
    for index, (image, mask, (src, trg)) in enumerate(zip(images, masks, prompts, strict=True)):
        name = f"image {index}" if n > 1 else "image"
        photo = image_of(image, canvas.size, canvas.fit, canvas.multiple, name)
        made.append(photo)
        cases.append(
            EditCase(
                id=f"{index:04d}",
                source=photo,
                prompt_src=checked_prompt(src, f"source prompt of {name}"),
                prompt_trg=checked_prompt(trg, f"target prompt of {name}"),
                mask=None if mask is None else mask_of(mask, photo, f"mask of {name}"),
                blend_words=checked_blend(blend, "blend"),
                word_weights=checked_weights(weights, "weights"),
            )
        )
    return Given(cases, made, canvas.view)


def _each(value: Any, n: int, name: str) -> list[Any]:
    """One value per image: a list, or the same for all."""
    if not isinstance(value, list | tuple):
        return [value] * n
    if len(value) != n:
        raise DataError(
            f"{name}: expected one value, or {n}, one per image; got {len(value)}; make them equal"
        )
    return list(value)
