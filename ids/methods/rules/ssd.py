"""Stable score distillation."""

from dataclasses import dataclass

from ids.core.capabilities import GuidedDenoiser, require
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser, Schedule
from ids.core.records import Anchor, Draw
from ids.core.tensors import Coefficient, Latent, Timestep
from ids.diffusion.caching import noised


@dataclass(frozen=True)
class SSD:
    """Stable score distillation (Zhu et al. 2025; the released code for Stable Diffusion). Four
    predictions without guidance, a = eps_phi(z_t_src, null), b, c, d = eps_phi(z_t_trg, y) for the
    source, the null and the target prompt:

    image_scale / 2 (b - a) + w / 2 (d - b) + enhance_scale (d - c) + psi(t) (z_t_trg - z_t_src),

    w the guidance scale, psi = identity exp((t - 1) / T). The halves are the released code's: its
    image scale 2 and guidance 7.5 act as 1 and 3.75. Equal prompts do not make it 0.
    """

    image_scale: float = 2.0
    enhance_scale: float = 5.5
    identity: float = 0.075

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        """image_scale / 2 a + psi z_t of the source: one sample per latent."""
        guided, z_t_src = require(eps_phi, GuidedDenoiser), noised(eps_phi, z_src, draw)
        (eps_null,) = guided.unguided(z_t_src, [guided.y_null], draw.t)
        psi = self.psi(eps_phi.schedule, draw.t).to(z_src)
        return Anchor(draw, self.image_scale / 2 * eps_null + psi * z_t_src, y_src=y_src)

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        """The sum of the terms: three samples per latent."""
        guided, t, y_src = require(eps_phi, GuidedDenoiser), anchor.draw.t, anchor.y_src
        assert y_src is not None
        z_t_trg = noised(eps_phi, z_trg, anchor.draw)
        prompts = [y_src, guided.y_null, y_trg]
        eps_src, eps_null, eps_trg = guided.unguided(z_t_trg, prompts, t)
        return (
            self.image_scale / 2 * eps_src
            + guided.guidance_scale / 2 * (eps_trg - eps_src)
            + self.enhance_scale * (eps_trg - eps_null)
            + self.psi(eps_phi.schedule, t).to(z_trg) * z_t_trg
            - anchor.reference
        )

    def psi(self, schedule: Schedule, t: Timestep) -> Coefficient:
        """The weight of the identity term, identity exp((t - 1) / T)."""
        s: Coefficient = ((t - 1).double() / schedule.n_timesteps).view(-1, 1, 1, 1)
        return self.identity * s.exp()
