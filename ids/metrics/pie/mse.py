"""Mean squared error as PIE-Bench's released evaluation computes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.pie.parts import Part, mean_over_parts, pie_name, pie_title


@dataclass(frozen=True)
class PieMSE:
    """Mean squared difference of source and edit in [0, 1], both times the part: the mean is over
    all pixels, also those that are 0 in both, so it shrinks with the part (calculate_mse).
    """

    part: Part = "whole"

    revision = 1
    unit = ""
    digits = 4
    higher_is_better = False
    min_side = 1

    @property
    def name(self) -> str:
        return pie_name("mse", self.part)

    @property
    def title(self) -> str:
        return pie_title("MSE", self.part)

    def weights_id(self) -> str:
        """Empty: no network."""
        return ""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """0 or more; nan for an empty part."""
        return mean_over_parts(
            cases, edits, models, self.part, lambda x, y: (x - y).square().mean((1, 2, 3))
        )
