"""The fixed-point regularizer of IDS, as released; and the walk that its variants share."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Draw
from ids.core.tensors import Coefficient, Latent, PerRow, Timestep
from ids.diffusion.schedule import diffuse, predict_eps, predict_z0

Step = Callable[[Latent], tuple[PerRow, Latent]]  # z_t -> its residual, and what to take from it
Refinement = tuple[Draw, Mapping[str, Tensor]]


@dataclass(frozen=True)
class FPR:
    """Fixed-point regularizer (Kim et al. 2025, IDS, Algorithm 1, lines 4-9): move z_t until its
    posterior mean is z_src.

    As released: the un-squared norm (the text squares it), its gradient through guidance and
    network. That gradient has unit-vector length times a Jacobian, so `scale` is a length in latent
    space, and smaller latents want a smaller one. The norm is per row; the released code takes it
    over the whole batch, which is the same at batch 1.

    IDS is DDS fed this noise: `Refined(DDS(), FPR())`.
    """

    n_iters: int = 3  # N
    scale: float = 1.0  # lambda

    def __post_init__(self) -> None:
        check_refiner(self.n_iters, self.scale)

    def __call__(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Refinement:
        def step(z_t: Latent) -> tuple[PerRow, Latent]:
            residual, direction = residual_and_gradient(eps_phi, z_src, z_t, y_src, draw.t)
            return residual, self.scale * direction

        return refine_loop(eps_phi, z_src, draw, self.n_iters, step)


def refine_loop(
    eps_phi: Denoiser, z_src: Latent, draw: Draw, n_iters: int, step: Step
) -> Refinement:
    """n_iters steps of z_t, and the noise read off where they end. Logs the residual before
    each.
    """
    if n_iters == 0:
        return draw, {}
    s, t = eps_phi.schedule, draw.t
    z_t, residuals = diffuse(s, z_src, draw.eps, t), []
    for _ in range(n_iters):
        residual, change = step(z_t)
        z_t = z_t - change
        residuals.append(residual)
    eps_star = predict_eps(s, z_t, z_src, t)
    return replace(draw, eps=eps_star), {"fpr_residual": torch.stack(residuals, dim=1)}


def residual_and_gradient(
    eps_phi: Denoiser, z_src: Latent, z_t: Latent, y_src: Prompt, t: Timestep
) -> tuple[PerRow, Latent]:
    """The distance ||z_src - z_0|t||_2 per row, and its gradient in z_t."""
    with torch.enable_grad():
        z_t = z_t.detach().requires_grad_()
        distance = norm(z_src - predict_z0(eps_phi.schedule, z_t, eps_phi(z_t, y_src, t), t))
        (direction,) = torch.autograd.grad(distance.sum(), z_t)
    return distance.detach(), direction


def norm(z: Latent) -> PerRow:
    """||z||_2 of each row."""
    lengths: PerRow = torch.linalg.vector_norm(z, dim=(1, 2, 3))
    return lengths


def per_sample(values: PerRow) -> Coefficient:
    return values.view(-1, 1, 1, 1)


def check_refiner(n_iters: int, scale: float) -> None:
    if n_iters < 0:
        raise ValueError(f"fpr.n_iters (N): expected 0 or more; got {n_iters}")
    if not (scale >= 0 and math.isfinite(scale)):
        raise ValueError(f"fpr.scale (lambda): expected 0 or more; got {scale}")
