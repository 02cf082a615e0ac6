"""Peak signal-to-noise ratio as PIE-Bench's released evaluation computes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.pie.mse import PieMSE
from ids.metrics.pie.parts import Part, pie_name, pie_title
from ids.metrics.psnr import decibels


@dataclass(frozen=True)
class PiePSNR:
    """-10 log10 of `PieMSE`, in dB: it grows with the size of what the part removes
    (calculate_psnr).
    """

    part: Part = "whole"

    revision = 1
    unit = "dB"
    digits = 2
    higher_is_better = True
    min_side = 1

    @property
    def name(self) -> str:
        return pie_name("psnr", self.part)

    @property
    def title(self) -> str:
        return pie_title("PSNR", self.part)

    def weights_id(self) -> str:
        """Empty: no network."""
        return ""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """In dB; infinite for an unchanged part, nan for an empty one."""
        return [decibels(mse) for mse in PieMSE(self.part)(cases, edits, models)]
