"""The fixed-point regularizer of IDS, as released."""

from dataclasses import dataclass

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Draw
from ids.core.tensors import Latent, PerRow
from ids.methods.refiners.loop import (
    Refinement,
    check_refiner,
    refine_loop,
    residual_and_gradient,
)


@dataclass(frozen=True)
class FPR:
    """Fixed-point regularizer (Kim et al. 2025, IDS, Algorithm 1, lines 4-9): gradient steps on z_t
    that bring its posterior mean z_0|t to z_src, z_t <- z_t - lambda d/dz_t ||z_src - z_0|t||_2.

    As released: the norm is not squared (the text squares it), and its gradient passes through
    guidance and network. A unit vector times a Jacobian, it makes lambda a length in latent space:
    smaller latents need a smaller one. The norm is per row; the released code takes it over the
    batch, which is the same at batch size 1.

    IDS is DDS with this noise: `Refined(DDS(), FPR())`.
    """

    n_iters: int = 3  # N
    scale: float = 1.0  # lambda

    def __post_init__(self) -> None:
        check_refiner(self.n_iters, self.scale)

    def __call__(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Refinement:
        """eps*, and `fpr_residual` [B, N]."""

        def step(z_t: Latent) -> tuple[PerRow, Latent]:
            residual, gradient = residual_and_gradient(eps_phi, z_src, z_t, y_src, draw.t)
            return residual, self.scale * gradient

        return refine_loop(eps_phi, z_src, draw, self.n_iters, step)
