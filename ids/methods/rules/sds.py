"""Score distillation sampling."""

from dataclasses import dataclass
from typing import Literal

from ids.core.options import check_options
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser, Schedule
from ids.core.records import Anchor, Draw
from ids.core.tensors import Coefficient, Latent, Timestep
from ids.diffusion.caching import noised


@dataclass(frozen=True)
class SDS:
    """Score distillation sampling (Poole et al. 2023, Eq. 3):
    w(t) (eps_phi(z_t_trg, y_trg, t) - eps).

    `weighting` is w(t): `uniform` 1 (the DDS notebook), `sds` sigma^2, `fantasia3d` alpha sigma^2
    (threestudio, whose guidance scale is ours minus 1). The source is only where the descent
    starts: the gradient does not depend on it.
    """

    weighting: Literal["uniform", "sds", "fantasia3d"] = "uniform"

    def __post_init__(self) -> None:
        check_options(self)

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        """The drawn noise."""
        return Anchor(draw, reference=draw.eps)

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        """The weighted difference between predicted and drawn noise."""
        t = anchor.draw.t
        z_t_trg = noised(eps_phi, z_trg, anchor.draw)
        return self._weight(eps_phi.schedule, t) * (eps_phi(z_t_trg, y_trg, t) - anchor.reference)

    def _weight(self, schedule: Schedule, t: Timestep) -> Coefficient | float:
        match self.weighting:
            case "sds":
                return schedule.sigma(t) ** 2
            case "fantasia3d":
                return schedule.alpha(t) * schedule.sigma(t) ** 2
            case _:
                return 1.0
