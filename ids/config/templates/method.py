"""A distillation rule."""

from dataclasses import dataclass

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Anchor, Draw
from ids.core.tensors import Latent
from ids.diffusion.caching import noised


@dataclass(frozen=True)
class Template:
    """Delta denoising score, weighted by sigma(t)^power: steps at small timesteps count less.

    A rule gives the gradient of the target's latent. `anchor` sees the source alone, `grad` the
    target. Latents are [B, c, h, w]; `draw` holds the timesteps [B] and the noise of this step.
    """

    power: float = 1.0

    def __post_init__(self) -> None:
        if self.power < 0:
            raise ValueError(f"power: expected 0 or more; got {self.power}")

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        """The predicted noise of the source."""
        z_t = noised(eps_phi, z_src, draw)
        return Anchor(draw, reference=eps_phi(z_t, y_src, draw.t))

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        """The predicted noise of the target minus that of the source, at the same t and eps."""
        t = anchor.draw.t
        z_t = noised(eps_phi, z_trg, anchor.draw)
        weight = eps_phi.schedule.sigma(t) ** self.power
        return weight * (eps_phi(z_t, y_trg, t) - anchor.reference)
