"""Edits by one rule on exact worlds, with what each took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from ids.backbones import Gaussian, GaussianWorld
from ids.core.edit import Anchors, EditContext, Editor, Representation, inline
from ids.core.protocols import Backbone
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion import Uniform
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import NFE, DistillationEditor, MeteredBackbone
from ids.methods import DDS, NoRefinement
from ids.representations import LatentSpace

IMAGES = [Shapes(size=16)[i] for i in range(3)]


@dataclass(frozen=True)
class DoubleWorld:
    """The Gaussian world in float64: what rounding remains is far below any difference."""

    world: GaussianWorld = field(
        default_factory=lambda: GaussianWorld(scaled_linear_vp(torch.float64))
    )

    @property
    def schedule(self) -> object:
        return self.world.schedule

    def encode(self, x: Tensor) -> Tensor:
        return self.world.encode(x).double()

    def __getattr__(self, name: str) -> object:
        return getattr(object.__getattribute__(self, "world"), name)


def editor(
    rule: object = None, fpr: object = None, n_steps: int = 5, lr: float = 0.1, **values: object
) -> DistillationEditor:
    sgd = partial(torch.optim.SGD, lr=lr)
    made = DistillationEditor(rule or DDS(), Uniform(), sgd, n_steps, 3.0, 1.0)  # type: ignore[arg-type]
    return replace(made, fpr=fpr or NoRefinement(), **values)  # type: ignore[arg-type]


def edited(
    edit: Editor,
    cases: Sequence[EditCase],
    anchors: Anchors = inline,
    backbone: Backbone | None = None,
    seeds: int | Sequence[int] = 0,
    representation: Representation | None = None,
) -> tuple[Tensor, Mapping[str, Tensor], NFE]:
    """Parameters after the edit, its curves and what it took."""
    metered = MeteredBackbone(backbone or Gaussian().load(torch.device("cpu")))
    subject = (representation or LatentSpace()).open(metered.backbone, cases)
    rng = Streams.of(seeds, [case.source_digest for case in cases])
    trace = edit(EditContext(metered, rng, anchors=anchors), subject)
    (found,) = subject.parameters()
    return found.detach(), trace.curves, metered.nfe


def targets(n: int, image: EditCase = IMAGES[0]) -> list[EditCase]:
    """Edits of one image to n prompts."""
    return [replace(image, id=f"{k}", prompt_trg=f"target {k}") for k in range(n)]
