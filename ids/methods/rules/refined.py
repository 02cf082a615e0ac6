"""Any rule on refined noise."""

from dataclasses import dataclass, replace

from torch import Tensor

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser, Distillation, NoiseRefiner
from ids.core.records import Anchor, Draw
from ids.core.tensors import Latent
from ids.diffusion.caching import CachedDenoiser, noised
from ids.diffusion.gaussianity import kurtosis, lag1
from ids.diffusion.schedule import predict_z0
from ids.methods.refiners.loop import norm


@dataclass(frozen=True)
class Refined:
    """A rule on refined noise (IDS, Algorithm 1: DDS with eps* for eps). Only the source half is
    changed.

    Logs, per row: the residual after refinement, and the RMS of eps*, its RMS distance from the
    drawn noise, its lag-1 correlation and kurtosis. The residual costs one more forward for a rule
    that does not evaluate the source (SDS), and none for the others.
    """

    distillation: Distillation
    fpr: NoiseRefiner

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        """The rule's anchor on refined noise, with the logs of the refinement."""
        refined, logs = self.fpr(eps_phi, z_src, y_src, draw)
        if refined is draw:
            return self.distillation.anchor(eps_phi, z_src, y_src, draw)
        eps_phi = CachedDenoiser.of(eps_phi)
        anchor = self.distillation.anchor(eps_phi, z_src, y_src, refined)
        refinement_logs = {**logs, **_logs(eps_phi, z_src, y_src, draw, refined)}
        return replace(anchor, logs={**anchor.logs, **refinement_logs})

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        """The rule's gradient."""
        return self.distillation.grad(eps_phi, z_trg, y_trg, anchor)


def _logs(
    eps_phi: Denoiser, z_src: Latent, y_src: Prompt, drawn: Draw, refined: Draw
) -> dict[str, Tensor]:
    s, t, eps_star = eps_phi.schedule, refined.t, refined.eps
    z_t = noised(eps_phi, z_src, refined)
    root_d = z_src[0].numel() ** 0.5
    return {
        "fpr_residual_after": norm(z_src - predict_z0(s, z_t, eps_phi(z_t, y_src, t), t)),
        "eps_star_norm": norm(eps_star) / root_d,
        "eps_star_moved": norm(eps_star - drawn.eps) / root_d,
        "eps_star_lag1": lag1(eps_star),
        "eps_star_kurtosis": kurtosis(eps_star),
    }
