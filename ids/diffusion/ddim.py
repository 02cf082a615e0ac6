"""Denoising diffusion implicit models (Song et al. 2021): the deterministic sampler, there and
back.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch

from ids.core.protocols import Denoiser, Schedule
from ids.core.tensors import Latent, Prompt, Timestep
from ids.diffusion.schedule import diffuse, predict_z0

Times = Sequence[int]  # where a walk stops, noisiest first, 0 last


def evenly(n_steps: int, n_timesteps: int) -> Times:
    """From the noisiest timestep to 0 in equal steps."""
    times: list[int] = torch.linspace(n_timesteps - 1, 0, n_steps + 1).round().long().tolist()
    return times


def leading(n_steps: int, n_timesteps: int, offset: int = 0) -> Times:
    """Stable Diffusion's grid: offset + k T // n_steps for k = n_steps - 1 .. 0, and then the clean
    end, where its schedulers (`set_alpha_to_one` false) take alpha_bar of timestep 0.
    """
    stride = n_timesteps // n_steps
    if not stride or offset + stride * (n_steps - 1) >= n_timesteps:
        raise ValueError(
            f"steps: expected at most {n_timesteps - offset} on a grid from {offset}; got {n_steps}"
        )
    return [*(offset + stride * k for k in reversed(range(n_steps))), 0]


def move(schedule: Schedule, z_t: Latent, eps: Latent, t: int, to: int) -> Latent:
    """z at `to` from z at t along the predicted noise, up or down (Eq. 12 with sigma = 0)."""
    z_0t = predict_z0(schedule, z_t, eps, times_of(t, z_t))
    return diffuse(schedule, z_0t, eps, times_of(to, z_t))


def sample(eps_phi: Denoiser, z_T: Latent, y: Prompt, times: Times) -> Latent:
    """z_0 from z_T, which stands at times[0]."""
    z_t = z_T
    for t, below in pairwise(times):
        z_t = move(eps_phi.schedule, z_t, eps_phi(z_t, y, times_of(t, z_t)), t, below)
    return z_t


def climb(eps_phi: Denoiser, z_below: Latent, y: Prompt, below: int, t: int) -> Latent:
    """A step of the way up: z at t from z at `below`, with the noise that the network sees at t in
    the state below. Right where neighbouring states are alike: what it gets wrong on the whole way
    is of the order of a step.
    """
    eps = eps_phi(z_below, y, times_of(t, z_below))
    return move(eps_phi.schedule, z_below, eps, below, t)


def times_of(t: int, z: Latent) -> Timestep:
    """t for every row."""
    return torch.full((len(z),), t, device=z.device)
