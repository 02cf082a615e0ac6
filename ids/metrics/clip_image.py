"""CLIP image similarity."""

import math
from dataclasses import dataclass

from ids.core.records import EditCase, Edited
from ids.metrics.clip import Clip


@dataclass(frozen=True)
class ClipImage:
    """cos(E_I(edit), E_I(source)): how much of the source CLIP still sees."""

    clip: Clip

    name = "clip_image"
    version = 1
    unit = ""
    higher_is_better = True
    min_side = 1

    def weights_id(self) -> str:
        return self.clip.weights_id()

    def __call__(self, case: EditCase, edited: Edited) -> float:
        if not self.clip.understands(case.prompt_src):
            return math.nan
        clip = self.clip.load()
        return float(clip.image_feature(edited.image) @ clip.image_feature(case.source.load()))
