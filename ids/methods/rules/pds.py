"""Posterior distillation sampling."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from ids.core.capabilities import PosteriorSchedule, require
from ids.core.options import check_options
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Anchor, Draw
from ids.core.tensors import Latent
from ids.diffusion.caching import noised
from ids.diffusion.schedule import diffuse, posterior, predict_z0


@dataclass(frozen=True)
class PDS:
    """Posterior distillation sampling (Koo et al. 2024): the difference between the stochastic
    latents (z_t_prev - mu(z_t)) / sigma of target and source, with the same noise at t and t_prev.

    The gradient is psi(t) (z_trg - z_src) + chi(t) (eps_phi_trg - eps_phi_src). As released, `beta`
    is the `single_step` one, from t - 1 to t, while t_prev is two steps below t: this mismatch is
    the only source of psi, the term that preserves the source. With the consistent `strided` beta,
    from t_prev to t, mu is the true posterior mean, psi is 0, and PDS is a reweighted DDS.
    """

    beta: Literal["single_step", "strided"] = "single_step"

    needs: ClassVar[tuple[type, ...]] = (PosteriorSchedule,)

    def __post_init__(self) -> None:
        check_options(self)

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        """The stochastic latent of the source. `ValueError` for a draw without t_prev."""
        return Anchor(draw, reference=self._stochastic_latent(eps_phi, z_src, y_src, draw))

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        """The difference of the stochastic latents."""
        latent = self._stochastic_latent(eps_phi, z_trg, y_trg, anchor.draw)
        return latent - anchor.reference

    def _stochastic_latent(self, eps_phi: Denoiser, z: Latent, y: Prompt, draw: Draw) -> Latent:
        s, t, t_prev = eps_phi.schedule, draw.t, draw.t_prev
        if t_prev is None:
            raise ValueError("PDS: expected draws with t_prev; got none; use ids.diffusion.Uniform")
        z_t = noised(eps_phi, z, draw)
        z_t_prev = diffuse(s, z, draw.rng.normal("eps_prev", like=z), t_prev)
        start = t - 1 if self.beta == "single_step" else t_prev
        q = posterior(s, t, t_prev, require(s, PosteriorSchedule).transition(t, start))
        mu = q.c_0 * predict_z0(s, z_t, eps_phi(z_t, y, t), t) + q.c_t * z_t
        return (z_t_prev - mu) / q.sigma
