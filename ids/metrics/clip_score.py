"""CLIP score."""

import math
from dataclasses import dataclass

from ids.core.records import EditCase, Edited
from ids.metrics.clip import Clip


@dataclass(frozen=True)
class ClipScore:
    """cos(E_I(edit), E_T(target prompt)) (Hessel et al. 2021, without their factor 2.5 and without
    clipping at 0; torchmetrics' CLIPScore is 100 times this).
    """

    clip: Clip

    name = "clip_score"
    version = 1
    unit = ""
    higher_is_better = True
    min_side = 1

    def weights_id(self) -> str:
        return self.clip.weights_id()

    def __call__(self, case: EditCase, edited: Edited) -> float:
        if not self.clip.understands(case.prompt_trg):
            return math.nan
        clip = self.clip.load()
        return float(clip.image_feature(edited.image) @ clip.text(case.prompt_trg))
