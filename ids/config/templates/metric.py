"""A metric: one number per edit."""

from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited


@dataclass(frozen=True)
class Template:
    """Share of pixels whose colour changed by more than `threshold`.

    A metric sees a batch. Images are [3, h, w], RGB in [0, 1]. It returns nan for a case in which
    the number is not defined. Networks come from `models.get(key, load)`, so that each is loaded
    once.
    """

    threshold: float = 0.1

    name = "template"
    title = "changed"  # of the column in tables
    unit = ""
    digits = 3  # after the decimal point
    higher_is_better = None  # or True, False
    revision = 1  # raise it when the numbers change
    min_side = 1  # smallest side of an image, in pixels

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold: expected 0 to 1; got {self.threshold}")

    def weights_id(self) -> str:
        """Empty: this metric has no network."""
        return ""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """A number per case and its edit."""
        return [self._changed(case, edit) for case, edit in zip(cases, edits, strict=True)]

    def _changed(self, case: EditCase, edit: Edited) -> float:
        difference = (edit.image - case.source.load()).abs().amax(0)
        return float((difference > self.threshold).float().mean())
