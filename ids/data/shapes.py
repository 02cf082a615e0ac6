"""Edits of the embedded world, with their true results."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ids.core.records import EditCase
from ids.core.rng import generator
from ids.core.tensors import Image
from ids.data.canvas import checked_canvas
from ids.shapes.edits import Kind, SceneEdit, Wording, draw_edit, kinds_of
from ids.shapes.render import object_cover, render
from ids.shapes.scene import VALUES, Scene

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
        return _with_margin(object_cover([self.before, self.after], self.size).amax(0), self.size)


@dataclass(frozen=True)
class BackgroundMask:
    """The region in which a scene differs from the same one on another background: all around the
    object, and a margin.
    """

    scene: Scene
    size: int

    def digest(self) -> str:
        """SHA-256 of the scene, the size and the revision, which determine the mask."""
        text = f"background mask {SCENES_REVISION} {self.size} {self.scene}"
        return hashlib.sha256(text.encode()).hexdigest()

    def load(self) -> Image:
        """0 or 1, equal in all three channels."""
        return _with_margin(1 - object_cover([self.scene], self.size)[0], self.size)


def _with_margin(cover: Float[Tensor, "S S"], size: int) -> Image:
    margin = round(MASK_MARGIN * size / 64)
    grown = F.max_pool2d(cover.ceil()[None], 2 * margin + 1, stride=1, padding=margin)
    return grown.expand(3, -1, -1)


@dataclass(frozen=True)
class Shapes:
    """Case i is a function of (split, i, its kind of edit): a scene of which something is to
    change. Splits share no scene. `wording` is that of the source prompts, `wide` of both
    (`draw_edit`). `ValueError` for a value out of range.
    """

    split: str = "dev"
    count: int = 24
    edits: Sequence[Kind] = ("colour", "shape", "fill")
    size: int = 64
    wording: Wording = "exact"

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
        known = kinds_of(self.wording)
        if not self.edits or any(edit not in known for edit in self.edits):
            raise ValueError(
                f"dataset.edits: expected some of {', '.join(known)}; got {list(self.edits)}"
            )

    @property
    def name(self) -> str:
        """Split and revision; `kinds` where more than single attributes change, and the wording,
        so that tables do not average over them.
        """
        kinds = "" if set(self.edits) <= set(VALUES) else "-kinds"
        wording = "" if self.wording == "exact" else f"-{self.wording}"
        return f"shapes-{self.split}-v{SCENES_REVISION}{kinds}{wording}"

    @property
    def view(self) -> str:
        """Size of the images."""
        return f"{self.size} px"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> EditCase:
        kind, edit = self._kind(index), self.edit(index)
        return EditCase(
            id=f"{self.split}-{index:04}-{kind}",
            source=Rendered(edit.before, self.size),
            prompt_src=edit.prompt_src,
            prompt_trg=edit.prompt_trg,
            mask=self._mask(edit, kind),
            truth=Rendered(edit.after, self.size),
            tags=frozenset({kind}),
            blend_words=edit.blend_words,
        )

    def edit(self, index: int) -> SceneEdit:
        """The scene of a case, that of its true edit, and the prompts."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        return draw_edit(_generator(self.split, index), self._kind(index), self.wording)

    def _kind(self, index: int) -> Kind:
        return self.edits[index % len(self.edits)]

    def _mask(self, edit: SceneEdit, kind: Kind) -> RenderedMask | BackgroundMask:
        if kind == "background":
            return BackgroundMask(edit.before, self.size)
        return RenderedMask(edit.before, edit.after, self.size)


def _generator(split: str, index: int) -> np.random.Generator:
    return generator(f"shapes/{SCENES_REVISION}/{split}/{index}")
