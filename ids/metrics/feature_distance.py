"""The perceptual distance of the embedded world: LPIPS' formula on its classifier's features."""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ids.core.needed import NeededFile
from ids.core.records import EditCase, Edited
from ids.metrics.comparison import checked_comparison, image_against, name_of
from ids.shapes.caption import parse_caption
from ids.shapes.judge import judge, judge_files, judge_weights_id


@dataclass(frozen=True)
class FeatureDistance:
    """sum_l mean_hw |f_l(x) - f_l(y)|^2, every f_l of unit length over its channels (Zhang et al.
    2018, eq. 1 with all weights 1), f_l the stages of the shapes classifier. No LPIPS: another
    network, no learned weights, and nan for prompts of another world, of which it knows nothing.
    """

    against: str = "source"

    version = 1
    unit = ""
    higher_is_better = False
    min_side = 1

    def files(self) -> list[NeededFile]:
        """The shapes classifier."""
        return judge_files()

    def __post_init__(self) -> None:
        checked_comparison("feature_distance", self.against, "whole")

    @property
    def name(self) -> str:
        return name_of("feature_distance", self.against, "whole")

    def weights_id(self) -> str:
        return judge_weights_id()

    @torch.no_grad()
    def __call__(self, case: EditCase, edited: Edited) -> float:
        reference = image_against(case, self.against)
        if reference is None or not parse_caption(case.prompt_src):
            return math.nan
        maps = judge().features(torch.stack([edited.image, reference]))
        units = [F.normalize(f, dim=1, eps=1e-10) for f in maps]
        return float(sum((f[0] - f[1]).square().sum(0).mean() for f in units))
