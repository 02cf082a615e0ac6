"""Metrics of images over the views of a scene."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ids.core.capture import Photo, SceneSource
from ids.core.protocols import Metric, Models, NetworkMetric
from ids.core.records import EditCase, Edited, EditedScene
from ids.core.tensors import Image

Chosen = Literal["all", "held_out"]


@dataclass(frozen=True)
class _Render:
    """A render in memory."""

    image: Image
    name: str

    def digest(self) -> str:
        return self.name

    def load(self) -> Image:
        return self.image


@dataclass(frozen=True)
class OverViews:
    """The mean of a metric of images over the views of a scene: the source is the render of the
    unedited scene; mask and true edit are those of the view. nan for an edit of an image.
    """

    metric: Metric
    views: Chosen = "all"

    @property
    def name(self) -> str:
        return f"views_{self.metric.name}" + ("_held_out" if self.views == "held_out" else "")

    @property
    def title(self) -> str:
        held_out = ", held out" if self.views == "held_out" else ""
        return f"{self.metric.title} (views{held_out})"

    @property
    def unit(self) -> str:
        return self.metric.unit

    @property
    def digits(self) -> int:
        return self.metric.digits

    @property
    def higher_is_better(self) -> bool | None:
        return self.metric.higher_is_better

    @property
    def revision(self) -> int:
        return self.metric.revision

    @property
    def min_side(self) -> int:
        return self.metric.min_side

    def weights_id(self) -> str:
        """That of the metric."""
        return self.metric.weights_id()

    def load(self, models: Models) -> object:
        """The metric's network, where it has one."""
        return self.metric.load(models) if isinstance(self.metric, NetworkMetric) else None

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """A mean per scene; nan where a view has no number."""
        return [self._mean(c, e, models) for c, e in zip(cases, edits, strict=True)]

    def _mean(self, case: EditCase, edited: Edited, models: Models) -> float:
        if edited.scene is None or not isinstance(case.source, SceneSource):
            return math.nan
        photos = case.source.capture().photos
        chosen = [n for n, p in enumerate(photos) if p.is_held_out or self.views == "all"]
        found = [_view(case, edited, edited.scene, n, photos[n]) for n in chosen]
        if not found:
            return math.nan
        values = self.metric([c for c, _ in found], [e for _, e in found], models)
        return sum(values) / len(values)


def _view(
    case: EditCase, edited: Edited, scene: EditedScene, number: int, photo: Photo
) -> tuple[EditCase, Edited]:
    """A view as an edit of an image."""
    source = _Render(scene.before[number], f"{case.source_digest}/{number}")
    seen = replace(case, source=source, mask=photo.mask, truth=photo.truth)
    return seen, replace(edited, image=scene.after[number], scene=None)
