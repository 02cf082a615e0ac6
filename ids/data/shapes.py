"""Edits of the embedded world, with their true results."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch.nn import functional as F

from ids.core.records import EditCase
from ids.core.rng import generator
from ids.core.tensors import Image
from ids.data.canvas import checked_canvas
from ids.shapes.caption import caption
from ids.shapes.render import object_cover, render
from ids.shapes.scene import VALUES, Attribute, Scene, draw_scene

SCENES_REVISION = 1  # raised when grammar, renderer or case order change the images
MAX_COUNT = 100_000  # cases of a split
SPLITS = ("train", "dev", "test")
MASK_MARGIN = 2  # pixels of 64: the blur of an edge by the autoencoder


@dataclass(frozen=True)
class Rendered:
    """The image of a scene, `size` pixels a side."""

    scene: Scene
    size: int

    def digest(self) -> str:
        """SHA-256 of the scene, the size and the revision, which determine the pixels."""
        return hashlib.sha256(
            f"shapes {SCENES_REVISION} {self.size} {self.scene}".encode()
        ).hexdigest()

    def load(self) -> Image:
        """RGB in [0, 1]."""
        return render([self.scene], self.size)[0]


@dataclass(frozen=True)
class RenderedMask:
    """The region in which a scene and its true edit differ: both objects and a margin."""

    before: Scene
    after: Scene
    size: int

    def digest(self) -> str:
        """SHA-256 of both scenes, the size and the revision, which determine the mask."""
        return hashlib.sha256(
            f"mask {SCENES_REVISION} {self.size} {self.before} {self.after}".encode()
        ).hexdigest()

    def load(self) -> Image:
        """0 or 1, equal in all three channels."""
        cover = object_cover([self.before, self.after], self.size).amax(0, keepdim=True).ceil()
        margin = round(MASK_MARGIN * self.size / 64)
        return F.max_pool2d(cover, 2 * margin + 1, stride=1, padding=margin).expand(3, -1, -1)


@dataclass(frozen=True)
class Shapes:
    """Case i is a function of (split, i): a scene of which one attribute is to change. Splits share
    no scene. `ValueError` for a value out of range.
    """

    split: str = "dev"
    count: int = 24
    edits: Sequence[Attribute] = ("colour", "shape", "fill")
    size: int = 64

    place: ClassVar[str] = ""
    partial: ClassVar[bool] = True  # `count` selects the first of very many cases

    def __post_init__(self) -> None:
        checked_canvas(self.size)
        if self.split not in SPLITS:
            raise ValueError(
                f"dataset.split: expected one of {', '.join(SPLITS)}; got {self.split!r}"
            )
        if not 1 <= self.count <= MAX_COUNT:
            raise ValueError(f"dataset.count: expected 1 to {MAX_COUNT}; got {self.count}")
        unknown = [edit for edit in self.edits if edit not in VALUES]
        if unknown or not self.edits:
            raise ValueError(
                f"dataset.edits: expected some of {', '.join(VALUES)}; got {list(self.edits)}"
            )

    @property
    def name(self) -> str:
        """Split and revision."""
        return f"shapes-{self.split}-v{SCENES_REVISION}"

    @property
    def view(self) -> str:
        """Size of the images."""
        return f"{self.size} px"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> EditCase:
        before, after = self.scenes(index)
        attribute = self._attribute(index)
        return EditCase(
            id=f"{self.split}-{index:04}-{attribute}",
            source=Rendered(before, self.size),
            prompt_src=caption(before),
            prompt_trg=caption(after),
            mask=RenderedMask(before, after, self.size),
            truth=Rendered(after, self.size),
            tags=frozenset({attribute}),
            blend_words=(before.shape, after.shape),
        )

    def scenes(self, index: int) -> tuple[Scene, Scene]:
        """The scene of a case, and that of its true edit."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        rng = _generator(self.split, index)
        before, attribute = draw_scene(rng), self._attribute(index)
        others = [value for value in VALUES[attribute] if value != getattr(before, attribute)]
        return before, before.with_attribute(attribute, others[rng.integers(len(others))])

    def _attribute(self, index: int) -> Attribute:
        return self.edits[index % len(self.edits)]


def _generator(split: str, index: int) -> np.random.Generator:
    return generator(f"shapes/{SCENES_REVISION}/{split}/{index}")
