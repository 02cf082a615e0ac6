"""Intersection over union of object masks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.batches import over_defined
from ids.metrics.comparison import region_of
from ids.metrics.segmenter import ObjectMask, ObjectMasks, Segmenter


@dataclass(frozen=True)
class IoU:
    """Intersection over union of the object in the source, as the case's mask marks it, and the
    object in the edit, as a segmentation network finds it: did the new object stay in the place of
    the old one?

    The IDS paper reports an IoU, but neither its masks nor its segmenter are known: numbers are
    comparable with each other, not with the paper's.
    """

    segmenter: Segmenter

    revision = 1
    name = "iou"
    title = "IoU"
    unit = ""
    digits = 3
    higher_is_better = True
    min_side = 1

    def files(self) -> list[NeededFile]:
        """Of the segmenter."""
        return list(self.segmenter.files())

    def weights_id(self) -> str:
        return self.segmenter.weights_id()

    def load(self, models: Models) -> ObjectMasks:
        return self.segmenter.load(models)

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """0 .. 1; nan without a mask of the edit's size that marks anything."""
        find = self.load(models)

        def shares(known: list[tuple[EditCase, Edited, ObjectMask]]) -> list[float]:
            found = find([case for case, _, _ in known], [edited for _, edited, _ in known])
            pairs = zip([before for *_, before in known], found, strict=True)
            return [math.nan if y is None else _share(x, y) for x, y in pairs]

        masks = [region_of(case, edit, "edited") for case, edit in zip(cases, edits, strict=True)]
        items = zip(cases, edits, masks, strict=True)
        return over_defined([(c, e, m) if m is not None else None for c, e, m in items], shares)


def _share(x: ObjectMask, y: ObjectMask) -> float:
    return int((x & y).sum()) / int((x | y).sum())
