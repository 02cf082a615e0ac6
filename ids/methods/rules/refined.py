"""Any rule on refined noise."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser, Distillation, NoiseRefiner
from ids.core.records import Anchor, Draw
from ids.core.tensors import Latent
from ids.diffusion.caching import CachedDenoiser
from ids.diffusion.gaussianity import kurtosis, lag1
from ids.diffusion.schedule import diffuse, predict_z0
from ids.methods.refiners.fpr import check_refiner, norm


@dataclass(frozen=True)
class NoRefinement:
    """The noise as it was drawn: a rule as its authors published it.

    N and lambda are taken and mean nothing, so that a sweep over methods can carry them.
    """

    n_iters: int = 0
    scale: float = 1.0

    ignored = ("n_iters", "scale")

    def __post_init__(self) -> None:
        check_refiner(self.n_iters, self.scale)

    def __call__(
        self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw
    ) -> tuple[Draw, Mapping[str, Tensor]]:
        return draw, {}


@dataclass(frozen=True)
class Refined:
    """A rule whose drawn noise is refined first (IDS, Algorithm 1: DDS with eps* for eps). Only the
    source half changes.

    Logs what refining did: the residual it left, and how Gaussian eps* still is. A rule that looks
    at the source has asked the network already; for one that does not (SDS) it is asked once more.
    """

    distillation: Distillation
    fpr: NoiseRefiner

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        refined, logs = self.fpr(eps_phi, z_src, y_src, draw)
        if refined is draw:
            return self.distillation.anchor(eps_phi, z_src, y_src, draw)
        eps_phi = CachedDenoiser(eps_phi)
        anchor = self.distillation.anchor(eps_phi, z_src, y_src, refined)
        told = {**logs, **_told(eps_phi, z_src, y_src, draw, refined)}
        return replace(anchor, logs={**anchor.logs, **told})

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        return self.distillation.grad(eps_phi, z_trg, y_trg, anchor)


def _told(
    eps_phi: Denoiser, z_src: Latent, y_src: Prompt, drawn: Draw, refined: Draw
) -> dict[str, Tensor]:
    s, t, eps_star = eps_phi.schedule, refined.t, refined.eps
    z_t = diffuse(s, z_src, eps_star, t)
    root_d = z_src[0].numel() ** 0.5
    return {
        "fpr_residual_after": norm(z_src - predict_z0(s, z_t, eps_phi(z_t, y_src, t), t)),
        "eps_star_norm": norm(eps_star) / root_d,
        "eps_star_moved": norm(eps_star - drawn.eps) / root_d,
        "eps_star_lag1": lag1(eps_star),
        "eps_star_kurtosis": kurtosis(eps_star),
    }
