"""The perceptual distance of the embedded world: LPIPS' formula on its classifier's features."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Images, PerRow
from ids.metrics.batches import over_defined, over_shapes
from ids.metrics.comparison import Against, image_against, name_of, title_of
from ids.shapes.caption import parse_caption
from ids.shapes.classifier import Classifier
from ids.shapes.judge import JUDGE


@dataclass(frozen=True)
class FeatureDistance:
    """sum_l mean_hw |f_l(x) - f_l(y)|^2, every f_l of unit length over its channels (Zhang et al.
    2018, eq. 1 with all weights 1), f_l the stages of the shapes classifier. It is not LPIPS:
    another network, no learned weights, and nan for prompts outside the embedded world.
    """

    against: Against = "source"

    revision = 1
    unit = ""
    digits = 3
    higher_is_better = False
    min_side = 1

    def files(self) -> list[NeededFile]:
        """The shapes classifier."""
        return JUDGE.files()

    @property
    def name(self) -> str:
        return name_of("feature_distance", self.against)

    @property
    def title(self) -> str:
        return title_of("feat. dist.", self.against)

    def weights_id(self) -> str:
        return JUDGE.weights_id()

    def load(self, models: Models) -> Classifier:
        """The shapes classifier."""
        return JUDGE.load(models)

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """0 or more; nan without a true edit where it is needed, and outside the embedded world."""
        network = self.load(models)
        pairs = [self._pair(case, edited) for case, edited in zip(cases, edits, strict=True)]
        return over_defined(
            pairs, lambda known: map(float, over_shapes(known, lambda *xy: _distance(network, *xy)))
        )

    def _pair(self, case: EditCase, edited: Edited) -> tuple[Tensor, Tensor] | None:
        reference = image_against(case, self.against)
        if reference is None or not parse_caption(case.prompt_src):
            return None
        return edited.image, reference


@torch.no_grad()
def _distance(network: Classifier, x: Images, y: Images) -> PerRow:
    stages = zip(network.features(x), network.features(y), strict=True)
    return torch.stack([(_unit(f) - _unit(g)).square().sum(1).mean((1, 2)) for f, g in stages]).sum(
        0
    )


def _unit(features: Tensor) -> Tensor:
    return F.normalize(features, dim=1, eps=1e-10)
