"""Denoising diffusion implicit models (Song et al. 2021): the deterministic sampler."""

from itertools import pairwise

import torch

from ids.core.protocols import Denoiser
from ids.core.tensors import Latent, Prompt
from ids.diffusion.schedule import diffuse, predict_z0


def sample(eps_phi: Denoiser, z_T: Latent, y: Prompt, n_steps: int = 50) -> Latent:
    """z_0 (at t = 0) from z_T along n_steps evenly spaced timesteps (Eq. 12 with sigma = 0)."""
    last = eps_phi.schedule.n_timesteps - 1
    times = torch.linspace(last, 0, n_steps + 1).round().long().to(z_T.device)
    z_t = z_T
    for t, t_next in pairwise(times):
        at, to = t.repeat(len(z_t)), t_next.repeat(len(z_t))
        eps = eps_phi(z_t, y, at)
        z_t = diffuse(eps_phi.schedule, predict_z0(eps_phi.schedule, z_t, eps, at), eps, to)
    return z_t
