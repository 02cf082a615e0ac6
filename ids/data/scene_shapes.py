"""Scenes of the embedded world in three dimensions, with their true edits."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch.nn import functional as F

from ids.core.camera import Camera
from ids.core.capture import Capture, Photo, Similarity
from ids.core.records import EditCase
from ids.core.tensors import Image
from ids.data.shapes import MASK_MARGIN, Shapes
from ids.shapes.diorama import Diorama, camera_at
from ids.shapes.scene import Attribute

DIORAMAS_REVISION = 1  # raised when cameras or renderer change the images
REACH = 18.0  # degrees between the frontal view and the outermost one
GOLDEN = math.pi * (3 - math.sqrt(5))  # between neighbours of a sunflower's seeds
HELD_OUT_EVERY = 5


@dataclass(frozen=True)
class _Computed:
    """An image that is a function of its name."""

    name: str
    compute: Callable[[], Image]

    def digest(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    def load(self) -> Image:
        return self.compute()


@dataclass(frozen=True)
class DioramaViews:
    """A diorama and its true edit, as seen by cameras on a sunflower's disc around the frontal
    view, `size` pixels a side. Every fifth view is held out; the first view is the frontal one.
    """

    before: Diorama
    after: Diorama
    n_views: int
    size: int

    @property
    def name(self) -> str:
        """Everything that decides the views."""
        return f"diorama {DIORAMAS_REVISION} {self.n_views} {self.size} {self.before.scene}"

    def cameras(self) -> list[Camera]:
        """The frontal one first."""
        spread = [
            (REACH * math.sqrt(i / (self.n_views - 1)), i * GOLDEN) for i in range(self.n_views)
        ]
        return [camera_at(r * math.cos(a), r * math.sin(a), self.size) for r, a in spread]

    def capture(self) -> Capture:
        """The unedited scene."""
        points = self.before.points()
        photos = [self._photo(i, camera) for i, camera in enumerate(self.cameras())]
        same = Similarity(1.0, torch.eye(3), torch.zeros(3))
        return Capture(self.name, photos, points, torch.full_like(points, 0.5), same, bounded=True)

    def truth(self, camera: Camera) -> Image:
        """The true edit of a view."""
        return self.after.image(camera)

    def mask(self, camera: Camera) -> Image:
        """Where a view and its true edit may differ: both objects and a margin."""
        covers = torch.stack([d.cover(camera) for d in (self.before, self.after)])
        margin = round(MASK_MARGIN * self.size / 64)
        cover = covers.amax(0, keepdim=True).ceil()
        return F.max_pool2d(cover, 2 * margin + 1, stride=1, padding=margin).expand(3, -1, -1)

    def _photo(self, number: int, camera: Camera) -> Photo:
        def lazy(what: str, compute: Callable[[Camera], Image]) -> _Computed:
            return _Computed(
                f"{what} {number} {self.name} {self.after.scene}", lambda: compute(camera)
            )

        return Photo(
            f"{number:03}",
            camera,
            lazy("view", self.before.image),
            is_held_out=number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1,
            mask=lazy("mask", self.mask),
            truth=lazy("truth", self.truth),
        )


@dataclass(frozen=True)
class SceneOfShapes:
    """The source of a case: a capture, shown by its frontal view (`SceneSource`)."""

    views: DioramaViews

    def digest(self) -> str:
        """SHA-256 of the capture's name, which determines all its views."""
        return hashlib.sha256(self.views.name.encode()).hexdigest()

    def load(self) -> Image:
        """The frontal view."""
        return self.views.before.image(self.views.cameras()[0])

    def capture(self) -> Capture:
        """All views, their masks and true edits."""
        return self.views.capture()


@dataclass(frozen=True)
class SceneShapes:
    """The cases of `Shapes` as scenes: case i has the same object, background and prompts, and its
    frontal view is the same image. `ValueError` for a value out of range.
    """

    split: str = "dev"
    count: int = 8
    edits: Sequence[Attribute] = ("colour", "shape")
    n_views: int = 20
    size: int = 64

    place: ClassVar[str] = ""
    partial: ClassVar[bool] = True  # `count` selects the first of very many cases
    of_scenes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _ = self._flat
        if self.n_views < HELD_OUT_EVERY:
            raise ValueError(
                f"dataset.n_views: expected {HELD_OUT_EVERY} or more; got {self.n_views}"
            )

    @property
    def name(self) -> str:
        """Split and revisions."""
        return f"scene-{self._flat.name}-v{DIORAMAS_REVISION}"

    @property
    def view(self) -> str:
        """Size and number of the views."""
        return f"{self.n_views} views, {self.size} px"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> EditCase:
        case, edit = self._flat[index], self._flat.edit(index)
        views = DioramaViews(Diorama(edit.before), Diorama(edit.after), self.n_views, self.size)
        frontal = views.capture().photos[0]
        return replace(case, source=SceneOfShapes(views), mask=frontal.mask, truth=frontal.truth)

    @property
    def _flat(self) -> Shapes:
        return Shapes(self.split, self.count, self.edits, self.size)
