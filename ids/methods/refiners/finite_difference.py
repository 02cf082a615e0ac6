"""The fixed-point regularizer without autograd."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Draw
from ids.core.tensors import Latent, PerRow
from ids.diffusion.schedule import predict_z0
from ids.methods.refiners.loop import (
    Refinement,
    check_refiner,
    coefficient,
    norm,
    refine_loop,
    residual_and_gradient,
)


@dataclass(frozen=True)
class FiniteDifferenceFPR:
    """FPR with a finite difference of two posterior means for the gradient: z_0|t at z_t, and at a
    distance h along the unit residual u = (z_src - z_0|t) / ||z_src - z_0|t||.

    With J = d z_0|t / d z_t, the released gradient is -J^T u and this one -J u: the same if J is
    symmetric, as for an exact score. Two forwards per iteration, no backward, the memory of DDS.
    `probe` is h in units of the noise in z_t, sigma sqrt(d). `cosine` logs the cosine between this
    gradient and the exact one, at the cost of one backward.
    """

    n_iters: int = 3  # N
    scale: float = 1.0  # lambda
    probe: float = 0.05
    cosine: bool = False

    def __post_init__(self) -> None:
        check_refiner(self.n_iters, self.scale)
        if not self.probe > 0:
            raise ValueError(f"fpr.probe: expected more than 0; got {self.probe}")

    def __call__(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Refinement:
        """eps*, `fpr_residual` and, with `cosine`, `fpr_cosine` [B, N]."""
        cosines: list[PerRow] = []

        def step(z_t: Latent) -> tuple[PerRow, Latent]:
            residual, gradient = self.residual_and_gradient(eps_phi, z_src, z_t, y_src, draw)
            if self.cosine:
                exact = residual_and_gradient(eps_phi, z_src, z_t, y_src, draw.t)[1]
                cosines.append(_cosine(gradient, exact))
            return residual, self.scale * gradient

        draw_star, logs = refine_loop(eps_phi, z_src, draw, self.n_iters, step)
        return draw_star, {**logs, **_stacked("fpr_cosine", cosines)}

    def residual_and_gradient(
        self, eps_phi: Denoiser, z_src: Latent, z_t: Latent, y_src: Prompt, draw: Draw
    ) -> tuple[PerRow, Latent]:
        """||z_src - z_0|t||_2 of each row, and -J u."""
        s, t = eps_phi.schedule, draw.t
        z_0t = predict_z0(s, z_t, eps_phi(z_t, y_src, t), t)
        residual = norm(z_src - z_0t)
        u = (z_src - z_0t) / coefficient(residual).clamp_min(torch.finfo(z_t.dtype).tiny)
        h = self.probe * s.sigma(t) * z_t[0].numel() ** 0.5
        further = z_t + h * u
        return residual, (z_0t - predict_z0(s, further, eps_phi(further, y_src, t), t)) / h


def _cosine(a: Latent, b: Latent) -> PerRow:
    return torch.cosine_similarity(a.flatten(1), b.flatten(1))


def _stacked(name: str, values: list[PerRow]) -> dict[str, Tensor]:
    return {name: torch.stack(values, dim=1)} if values else {}
