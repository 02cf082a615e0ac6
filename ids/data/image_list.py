"""Images and prompts of a program as a data set: that of `ids.edit`."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from ids.core.errors import ConfigError, DataError
from ids.core.records import EditCase
from ids.core.text import counted
from ids.data.canvas import checked_canvas, view_of
from ids.data.cases import checked_blend, checked_prompt, checked_weights, safe_stem
from ids.data.image_files import ImageFile
from ids.data.memory_images import MemoryImage, image_of, mask_of

MULTIPLE = 8  # divides the sides of images with fit aspect
DIGITS = 12  # of a case's digest in its id
Photo = ImageFile | MemoryImage
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class ImageList:
    """Cases in the order of their images. Their ids are made of their content, so that several
    lists are one data set in a store.
    """

    cases: Sequence[EditCase]
    view: str

    name: ClassVar[str] = "images"
    place: ClassVar[str] = ""
    partial: ClassVar[bool] = True  # a further list adds its cases

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> EditCase:
        return self.cases[index]

    def photo(self, index: int) -> Photo:
        """The source of a case, which restores an edit to its size and shape."""
        source = self.cases[index].source
        assert isinstance(source, ImageFile | MemoryImage)
        return source


def image_list(
    images: Sequence[object],
    size: int,
    fit: str,
    *,
    source: object,
    target: object,
    masks: object = None,
    blend: object = "",
    weights: object = "",
) -> ImageList:
    """The cases of images (paths, PIL images, arrays, tensors; see `image_of`), on a canvas of
    `size` pixels, see `layout`. Prompts, masks and the words of Prompt-to-Prompt (blend `cat dog`,
    weights `dog:2`) are one for all images or a list of one per image.

    `ConfigError` for a canvas that cannot be, `DataError` for an image, prompt, mask or words. A
    file that cannot be read raises it at the `load` of its own case.
    """
    try:
        checked_canvas(size, fit, MULTIPLE)
    except ValueError as error:
        raise ConfigError(f"{error}; change it") from error
    if not images:
        raise DataError("image: expected one image or more; got an empty list; add one")
    named = {"source": source, "target": target, "mask": masks, "blend": blend, "weights": weights}
    rows = zip(*(_each(value, len(images), name) for name, value in named.items()), strict=True)
    cases = []
    for index, (image, row) in enumerate(zip(images, rows, strict=True)):
        where = f"image {index}" if len(images) > 1 else "image"
        photo = image_of(image, size, fit, MULTIPLE, where)
        cases.append(_case(photo, row, where))
    return ImageList(cases, view_of(size, fit, MULTIPLE))


def _case(photo: Photo, row: Sequence[Any], where: str) -> EditCase:
    source, target, mask, blend, weights = row
    case = EditCase(
        id="unread",
        source=photo,
        prompt_src=_checked(checked_prompt, source, f"source prompt of {where}"),
        prompt_trg=_checked(checked_prompt, target, f"target prompt of {where}"),
        mask=None if mask is None else mask_of(mask, photo, f"mask of {where}"),
        blend_words=_checked(checked_blend, blend, f"blend of {where}"),
        word_weights=_checked(checked_weights, weights, f"weights of {where}"),
    )
    name = safe_stem(str(photo.path)) if isinstance(photo, ImageFile) else "image"
    with suppress(DataError):  # raised again when the case is edited
        return replace(case, id=f"{name}-{case.digest[:DIGITS]}")
    return case


def _checked(check: Callable[[str, str], T], value: object, where: str) -> T:
    """`check(text, where)` of a text; `DataError` for another kind of value."""
    if not isinstance(value, str):
        raise DataError(f"{where}: expected text; got {type(value).__name__}; pass a str")
    return check(value, where)


def _each(value: object, n: int, name: str) -> Sequence[object]:
    """One value per image: a list, or the same for all."""
    if not isinstance(value, list | tuple):
        return [value] * n
    if len(value) != n:
        images = counted(n, "image")
        raise DataError(
            f"{name}: expected one for all images, or a list of one per image; got {len(value)} "
            f"for {images}; pass as many as images"
        )
    return value
