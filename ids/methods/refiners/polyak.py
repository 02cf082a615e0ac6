"""The fixed-point regularizer without lambda."""

from dataclasses import dataclass

import torch

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Draw
from ids.core.tensors import Latent, PerRow
from ids.diffusion.schedule import diffuse
from ids.methods.refiners.loop import (
    Refinement,
    check_refiner,
    coefficient,
    norm,
    refine_loop,
    residual_and_gradient,
)


@dataclass(frozen=True)
class PolyakFPR:
    """FPR with Polyak steps inside a trust region: no lambda.

    The minimum of the residual is known, 0, so the step along its gradient g is residual / ||g||^2
    (Polyak 1987). The noise is projected to the ball ||eps* - eps|| <= rho sqrt(d) around the drawn
    one, d numbers per latent: rho means the same at every t, latent size and backbone.
    """

    n_iters: int = 1  # N
    rho: float = 0.1

    def __post_init__(self) -> None:
        check_refiner(self.n_iters, 0.0)
        if not self.rho > 0:
            raise ValueError(f"fpr.rho: expected more than 0; got {self.rho}")

    def __call__(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Refinement:
        """eps*, and `fpr_residual` [B, N]."""
        drawn = diffuse(eps_phi.schedule, z_src, draw.eps, draw.t)
        radius = self.rho * z_src[0].numel() ** 0.5 * eps_phi.schedule.sigma(draw.t)

        def step(z_t: Latent) -> tuple[PerRow, Latent]:
            residual, g = residual_and_gradient(eps_phi, z_src, z_t, y_src, draw.t)
            tiny = torch.finfo(z_t.dtype).tiny
            polyak = z_t - coefficient(residual / norm(g).square().clamp_min(tiny)) * g
            offset = polyak - drawn
            inside = (radius / coefficient(norm(offset)).clamp_min(tiny)).clamp_max(1)
            return residual, z_t - (drawn + inside * offset)

        return refine_loop(eps_phi, z_src, draw, self.n_iters, step)
