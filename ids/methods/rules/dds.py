"""Delta denoising score."""

from dataclasses import dataclass

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Anchor, Draw
from ids.core.tensors import Latent
from ids.diffusion.caching import noised


@dataclass(frozen=True)
class DDS:
    """Delta denoising score (Hertz et al. 2023, Eq. 3): the noise prediction for the target minus
    that for the source, eps_phi(z_t_trg, y_trg, t) - eps_phi(z_t_src, y_src, t).

    Both halves share t and eps, so that errors of the network common to both cancel.
    """

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        """The noise prediction for the source."""
        z_t_src = noised(eps_phi, z_src, draw)
        return Anchor(draw, reference=eps_phi(z_t_src, y_src, draw.t))

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        """The difference of the noise predictions."""
        z_t_trg = noised(eps_phi, z_trg, anchor.draw)
        return eps_phi(z_t_trg, y_trg, anchor.draw.t) - anchor.reference
