"""The fixed-point regularizer with the loss of the text."""

from dataclasses import dataclass

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Draw
from ids.core.tensors import Latent, PerRow
from ids.methods.refiners.fpr import (
    Refinement,
    check_refiner,
    per_sample,
    refine_loop,
    residual_and_gradient,
)


@dataclass(frozen=True)
class SquaredFPR:
    """FPR on ||z_src - z_0|t||_2^2, as the paper writes it: the released step times twice the
    residual.

    Its step shrinks where the residual does, and grows with it: `scale` is no length but a
    fraction, the same at every latent size, and not to be compared with the released lambda.
    """

    n_iters: int = 3  # N
    scale: float = 0.001  # lambda

    def __post_init__(self) -> None:
        check_refiner(self.n_iters, self.scale)

    def __call__(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Refinement:
        def step(z_t: Latent) -> tuple[PerRow, Latent]:
            residual, direction = residual_and_gradient(eps_phi, z_src, z_t, y_src, draw.t)
            return residual, self.scale * 2 * per_sample(residual) * direction

        return refine_loop(eps_phi, z_src, draw, self.n_iters, step)
