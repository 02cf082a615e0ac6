"""CLIP directional similarity."""

import math
from dataclasses import dataclass

from torch.nn import functional as F

from ids.core.records import EditCase, Edited
from ids.metrics.clip import Clip

STANDSTILL = 1e-6  # of unit vectors: no direction to speak of


@dataclass(frozen=True)
class ClipDirectional:
    """cos(E_I(edit) - E_I(source), E_T(target) - E_T(source)) of unit features (Gal et al. 2021,
    StyleGAN-NADA): did the image change the way the words did? nan where either stands still.
    """

    clip: Clip

    name = "clip_directional"
    version = 1
    unit = ""
    higher_is_better = True
    min_side = 1

    def weights_id(self) -> str:
        return self.clip.weights_id()

    def __call__(self, case: EditCase, edited: Edited) -> float:
        if not self.clip.understands(case.prompt_src + " " + case.prompt_trg):
            return math.nan
        clip = self.clip.load()
        seen = clip.image_feature(edited.image) - clip.image_feature(case.source.load())
        told = clip.text(case.prompt_trg) - clip.text(case.prompt_src)
        if min(seen.norm(), told.norm()) < STANDSTILL:
            return math.nan
        return float(F.cosine_similarity(seen, told, dim=0))
