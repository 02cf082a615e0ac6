"""The fixed-point regularizer with the squared norm of the paper's text."""

from dataclasses import dataclass

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Draw
from ids.core.tensors import Latent, PerRow
from ids.methods.refiners.loop import (
    Refinement,
    check_refiner,
    coefficient,
    refine_loop,
    residual_and_gradient,
)


@dataclass(frozen=True)
class SquaredFPR:
    """FPR on ||z_src - z_0|t||_2^2, as the text of Kim et al. 2025 writes it: the released step
    times twice the residual.

    The step is proportional to the residual: `scale` is a fraction, the same at every latent size,
    and not comparable with the released lambda, which is a length.
    """

    n_iters: int = 3  # N
    scale: float = 0.001  # lambda

    def __post_init__(self) -> None:
        check_refiner(self.n_iters, self.scale)

    def __call__(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Refinement:
        """eps*, and `fpr_residual` [B, N]."""

        def step(z_t: Latent) -> tuple[PerRow, Latent]:
            residual, gradient = residual_and_gradient(eps_phi, z_src, z_t, y_src, draw.t)
            return residual, self.scale * 2 * coefficient(residual) * gradient

        return refine_loop(eps_phi, z_src, draw, self.n_iters, step)
