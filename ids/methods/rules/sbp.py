"""Score distillation as a Schrödinger bridge between the source's and the target's images."""

from dataclasses import dataclass

import torch

from ids.core.capabilities import GuidedDenoiser, require
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Anchor, Draw
from ids.core.tensors import Latent
from ids.diffusion.caching import noised


@dataclass(frozen=True)
class SBP:
    """The bridge from the images that the source prompt describes to those of the target prompt
    (McAllister et al. 2024): w (eps_phi(z_t_trg, y_trg, t) - eps_phi(z_t_trg, y_src, t)), both
    without guidance at the same z_t, w the guidance scale. It equals the difference of the two
    guided predictions, in which the null prompt cancels.

    The source is described by its prompt and is otherwise only where the descent starts. Left out
    are the weight sigma^2 of the released code and the words that it appends to a prompt to
    describe faulty images.
    """

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        """The source prompt and the reference 0: nothing is evaluated."""
        return Anchor(draw, reference=torch.zeros_like(z_src), y_src=y_src)

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        """The scaled difference of the noise predictions: two samples per latent."""
        guided, t, y_src = require(eps_phi, GuidedDenoiser), anchor.draw.t, anchor.y_src
        assert y_src is not None
        z_t_trg = noised(eps_phi, z_trg, anchor.draw)
        eps_src, eps_trg = guided.unguided(z_t_trg, [y_src, y_trg], t)
        return guided.guidance_scale * (eps_trg - eps_src)
