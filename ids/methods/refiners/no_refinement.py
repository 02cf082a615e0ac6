"""No refinement of the noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Draw
from ids.core.tensors import Latent
from ids.methods.refiners.loop import check_refiner


@dataclass(frozen=True)
class NoRefinement:
    """The noise as drawn: a rule as its authors published it. N and lambda are accepted and
    ignored, so that a sweep over methods can set them.
    """

    n_iters: int = 0
    scale: float = 1.0

    ignored: ClassVar[tuple[str, ...]] = ("n_iters", "scale")

    def __post_init__(self) -> None:
        check_refiner(self.n_iters, self.scale)

    def __call__(
        self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw
    ) -> tuple[Draw, Mapping[str, Tensor]]:
        """The draw itself, and no logs."""
        return draw, {}
