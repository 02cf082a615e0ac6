"""The object of an embedded scene, found by its saturated colour."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch.nn import functional as F

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.segmenter import ObjectMask

CLOSED = 3  # pixels of 64 on each side: white stripes belong to the object


@dataclass(frozen=True)
class SaturatedObject:
    """The segmenter of the embedded world, whose backgrounds are muted and whose distractors are
    black or white: pixels whose channels differ by more than `threshold`, and gaps between them of
    up to six pixels of 64. No network.
    """

    threshold: float = 0.3

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ValueError(
                f"threshold: expected a difference between 0 and 1; got {self.threshold}"
            )

    def weights_id(self) -> str:
        """Name and threshold."""
        return f"saturated object at {self.threshold:g}"

    def files(self) -> list[NeededFile]:
        """None."""
        return []

    def load(self, models: Models) -> "SaturatedObject":
        """Itself: there are no weights."""
        return self

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited]
    ) -> list[ObjectMask | None]:
        """The object of each edit."""
        return [self._found(edited) for edited in edits]

    def _found(self, edited: Edited) -> ObjectMask:
        image = edited.image.float().cpu()
        spread = (image.amax(0) - image.amin(0) > self.threshold).float()[None, None]
        side = 2 * round(CLOSED * image.shape[-1] / 64) + 1
        grown = F.max_pool2d(spread, side, stride=1, padding=side // 2)
        return -F.max_pool2d(-grown, side, stride=1, padding=side // 2)[0, 0] > 0.5
