"""Delta denoising score."""

from dataclasses import dataclass

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Anchor, Draw
from ids.core.tensors import Latent
from ids.diffusion.schedule import diffuse


@dataclass(frozen=True)
class DDS:
    """Delta denoising score (Hertz et al. 2023, Eq. 3): the target's predicted noise against the
    source's.

    Both halves share t and eps, so what the network gets wrong on both sides cancels.
    """

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        z_t_src = diffuse(eps_phi.schedule, z_src, draw.eps, draw.t)
        return Anchor(draw, reference=eps_phi(z_t_src, y_src, draw.t))

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        t, eps = anchor.draw.t, anchor.draw.eps
        z_t_trg = diffuse(eps_phi.schedule, z_trg, eps, t)
        return eps_phi(z_t_trg, y_trg, t) - anchor.reference
