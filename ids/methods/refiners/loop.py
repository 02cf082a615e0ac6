"""The shared part of the noise refiners: the loop over z_t, the residual and its gradient."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser
from ids.core.records import Draw
from ids.core.tensors import Coefficient, Latent, PerRow, Timestep
from ids.diffusion.caching import noised
from ids.diffusion.schedule import predict_eps, predict_z0
from ids.diffusion.sharing import once

Step = Callable[[Latent], tuple[PerRow, Latent]]  # z_t -> its residual, and what to subtract
Refinement = tuple[Draw, Mapping[str, Tensor]]  # the draw with eps*, and logs per row


def refine_loop(
    eps_phi: Denoiser, z_src: Latent, draw: Draw, n_iters: int, step: Step
) -> Refinement:
    """z_t <- z_t - change, n_iters times; then eps* = (z_t - alpha z_src) / sigma. Logs
    `fpr_residual` [B, n_iters], before each iteration. With n_iters 0 the draw is returned.
    """
    if n_iters == 0:
        return draw, {}
    s, t = eps_phi.schedule, draw.t
    z_t, residuals = noised(eps_phi, z_src, draw), []
    for _ in range(n_iters):
        residual, change = step(z_t)
        z_t = z_t - change
        residuals.append(residual)
    eps_star = predict_eps(s, z_t, z_src, t)
    return replace(draw, eps=eps_star), {"fpr_residual": torch.stack(residuals, dim=1)}


def residual_and_gradient(
    eps_phi: Denoiser, z_src: Latent, z_t: Latent, y_src: Prompt, t: Timestep
) -> tuple[PerRow, Latent]:
    """||z_src - z_0|t||_2 of each row, z_0|t the posterior mean, and its gradient in z_t. Shared at
    the drawn noise, where it depends on no value of a refiner.
    """
    return once(_residual_and_gradient, eps_phi, z_src, z_t, y_src, t)


def _residual_and_gradient(
    eps_phi: Denoiser, z_src: Latent, z_t: Latent, y_src: Prompt, t: Timestep
) -> tuple[PerRow, Latent]:
    with torch.enable_grad():
        z_t = z_t.detach().requires_grad_()
        residual = norm(z_src - predict_z0(eps_phi.schedule, z_t, eps_phi(z_t, y_src, t), t))
        (gradient,) = torch.autograd.grad(residual.sum(), z_t)
    return residual.detach(), gradient


def norm(z: Latent) -> PerRow:
    """||z||_2 of each row."""
    lengths: PerRow = torch.linalg.vector_norm(z, dim=(1, 2, 3))
    return lengths


def coefficient(values: PerRow) -> Coefficient:
    """A number per row, to multiply latents with."""
    return values.view(-1, 1, 1, 1)


def check_refiner(n_iters: int, scale: float) -> None:
    """`ValueError` if N or lambda is negative, or lambda is not finite."""
    if n_iters < 0:
        raise ValueError(f"fpr.n_iters (N): expected 0 or more; got {n_iters}")
    if not (scale >= 0 and math.isfinite(scale)):
        raise ValueError(f"fpr.scale (lambda): expected 0 or more; got {scale}")
