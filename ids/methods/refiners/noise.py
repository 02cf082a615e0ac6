"""The fixed-point regularizer with steps on the noise instead of the latent."""

from dataclasses import dataclass

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Draw
from ids.core.tensors import Latent, PerRow
from ids.methods.refiners.loop import Refinement, check_refiner, refine_loop, residual_and_gradient


@dataclass(frozen=True)
class NoiseFPR:
    """FPR with gradient steps on eps (the ablation of Kim et al. 2025): eps <- eps - lambda d/deps
    ||z_src - z_0|t||_2.

    z_t = alpha z_src + sigma eps, so the gradient in eps is sigma times that in z_t, and the step
    of z_t is sigma^2 times that of `FPR`: close to 0 at small t, almost the same at large t.
    """

    n_iters: int = 3  # N
    scale: float = 1.0  # lambda, in noise units

    def __post_init__(self) -> None:
        check_refiner(self.n_iters, self.scale)

    def __call__(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Refinement:
        """eps*, and `fpr_residual` [B, N]."""
        sigma = eps_phi.schedule.sigma(draw.t)

        def step(z_t: Latent) -> tuple[PerRow, Latent]:
            residual, gradient = residual_and_gradient(eps_phi, z_src, z_t, y_src, draw.t)
            return residual, sigma * self.scale * (sigma * gradient)

        return refine_loop(eps_phi, z_src, draw, self.n_iters, step)
