"""Denoising diffusion implicit models (Song et al. 2021): the deterministic sampler, there and
back.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch

from ids.core.protocols import Denoiser, Schedule
from ids.core.tensors import Latent, Prompt
from ids.diffusion.schedule import diffuse, predict_z0

Times = Sequence[int]  # descending: where the walk stops, the clean end 0 among them


def evenly(n_steps: int, n_timesteps: int) -> Times:
    """From the noisiest timestep to 0 in equal steps."""
    return torch.linspace(n_timesteps - 1, 0, n_steps + 1).round().long().tolist()


def leading(n_steps: int, n_timesteps: int, offset: int = 0) -> Times:
    """Stable Diffusion's grid: offset, offset + T // n, ... downwards, and 0 at the end, the state
    that its schedulers call the final one (`set_alpha_to_one` false).
    """
    stride = n_timesteps // n_steps
    return [*range(offset + stride * (n_steps - 1), offset - 1, -stride), 0]


def move(schedule: Schedule, z_t: Latent, eps: Latent, t: int, to: int) -> Latent:
    """z at `to` from z at t along the predicted noise, up or down (Eq. 12 with sigma = 0)."""
    at, there = (torch.full((len(z_t),), time, device=z_t.device) for time in (t, to))
    return diffuse(schedule, predict_z0(schedule, z_t, eps, at), eps, there)


def sample(eps_phi: Denoiser, z_T: Latent, y: Prompt, times: Times) -> Latent:
    """z_0 from z_T, which stands at times[0]."""
    z_t = z_T
    for t, below in pairwise(times):
        z_t = move(eps_phi.schedule, z_t, eps_phi(z_t, y, at(t, z_t)), t, below)
    return z_t


def invert(eps_phi: Denoiser, z_0: Latent, y: Prompt, times: Times) -> list[Latent]:
    """The way up from z_0 to z_T, a state for each of `times`, z_T first.

    Each step up takes the noise that the network sees at the time it goes to, in the state it comes
    from: right where neighbouring states are alike, and the error is of the order of a step.
    """
    states = [z_0]
    for t, below in reversed([*pairwise(times)]):
        eps = eps_phi(states[0], y, at(t, z_0))
        states.insert(0, move(eps_phi.schedule, states[0], eps, below, t))
    return states


def at(t: int, z: Latent) -> torch.Tensor:
    """t for every row."""
    return torch.full((len(z),), t, device=z.device)
