"""The object of an embedded scene, found by its saturated colour."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch.nn import functional as F

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.segmenter import ObjectMask

WHITE = 0.9  # of the darkest channel
REACH = 6  # pixels of 64, the width of a stripe: distractors are farther away


@dataclass(frozen=True)
class SaturatedObject:
    """The segmenter of the embedded world, whose backgrounds are muted and whose distractors are
    black or white: pixels whose channels differ by more than `threshold`, and white ones within the
    width of a stripe of them. No network.
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
        saturated = image.amax(0) - image.amin(0) > self.threshold
        reach = round(REACH * image.shape[-1] / 64)
        near = F.max_pool2d(saturated.float()[None], 2 * reach + 1, stride=1, padding=reach)[0] > 0
        return saturated | (near & (image.amin(0) > WHITE))
