"""DDS with an explicit identity term."""

import math
from dataclasses import dataclass

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Anchor, Draw
from ids.core.tensors import Coefficient, Latent, Timestep
from ids.diffusion.caching import noised


@dataclass(frozen=True)
class DreamCatalyst:
    """The gradient of PDS with its two coefficients chosen freely (Kim et al. 2025, DreamCatalyst):
    chi(t) (eps_phi_trg - eps_phi_src) + psi(t) (z_trg - z_src).

    As released, with s = (t - 1) / T: chi = delta + gamma s^(1/e), psi = identity exp(s). Left out
    are the parts of the released code that belong to InstructPix2Pix: image guidance in both
    halves, text guidance in the target half alone, FreeU, t decreasing from 0.9 T to 0.2 T.
    """

    delta: float = 0.2
    gamma: float = 0.8
    identity: float = 0.075

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        """chi eps_phi + psi z of the source."""
        return Anchor(draw, reference=self._term(eps_phi, z_src, y_src, draw))

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        """chi eps_phi + psi z of the target, minus that of the source."""
        return self._term(eps_phi, z_trg, y_trg, anchor.draw) - anchor.reference

    def _term(self, eps_phi: Denoiser, z: Latent, y: Prompt, draw: Draw) -> Latent:
        chi, psi = self.coefficients(draw.t, eps_phi.schedule.n_timesteps)
        z_t = noised(eps_phi, z, draw)
        return chi.to(z) * eps_phi(z_t, y, draw.t) + psi.to(z) * z

    def coefficients(self, t: Timestep, n_timesteps: int) -> tuple[Coefficient, Coefficient]:
        """chi and psi at s = (t - 1) / T."""
        s = ((t - 1).double() / n_timesteps).view(-1, 1, 1, 1)
        return self.delta + self.gamma * s ** (1 / math.e), self.identity * s.exp()
