"""Denoising diffusion implicit models (Song et al. 2021): the deterministic sampler, there and
back.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch

from ids.core.errors import ConfigError
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser, Schedule
from ids.core.tensors import Latent, Timestep
from ids.diffusion.schedule import diffuse, predict_z0

Times = Sequence[int]  # where a walk stops, noisiest first, 0 last
SPANNED = 0.85  # of all timesteps, at least: a grid that ends below does not reach the noise


def evenly(n_steps: int, n_timesteps: int) -> Times:
    """From the noisiest timestep to 0 in equal steps."""
    times: list[int] = torch.linspace(n_timesteps - 1, 0, n_steps + 1).round().long().tolist()
    return times


def leading(n_steps: int, n_timesteps: int, offset: int = 0) -> Times:
    """Stable Diffusion's grid: offset + k (T // n_steps) for k = n_steps - 1 .. 0, and then the
    clean end, where its schedulers (`set_alpha_to_one` false) take alpha_bar of timestep 0.

    `ConfigError` where strides of whole timesteps span too few of them: 600 of 1000 end at 600.
    """
    stride = n_timesteps // n_steps
    top = offset + stride * (n_steps - 1)
    if top >= n_timesteps or stride * n_steps < SPANNED * n_timesteps:
        raise ConfigError(
            f"n_steps: expected a grid that spans the {n_timesteps} timesteps; {n_steps} strides "
            f"of {stride} from {offset} do not; take 20, 50, 250, 500 or {n_timesteps - 1}"
        )
    return [*(offset + stride * k for k in reversed(range(n_steps))), 0]


def checked_grid(where: str, n_steps: int, offset: int) -> None:
    """`ValueError` where there is no grid of so many steps, before a schedule is known."""
    if n_steps < 2:
        raise ValueError(f"{where}.n_steps: expected 2 or more; got {n_steps}")
    if offset not in (0, 1):
        raise ValueError(f"{where}.offset: expected 0 or 1; got {offset}")


def ddim_step(schedule: Schedule, z_t: Latent, eps: Latent, t: int, to: int) -> Latent:
    """z at `to` from z at t along the predicted noise, up or down (Eq. 12 with sigma = 0)."""
    z_0t = predict_z0(schedule, z_t, eps, times_of(t, z_t))
    return diffuse(schedule, z_0t, eps, times_of(to, z_t))


def ddim_states(eps_phi: Denoiser, z_T: Latent, y: Prompt, times: Times) -> Iterator[Latent]:
    """The states at times[1:], one after the other, from z_T at times[0]."""
    z_t = z_T
    for t, below in pairwise(times):
        z_t = ddim_step(eps_phi.schedule, z_t, eps_phi(z_t, y, times_of(t, z_t)), t, below)
        yield z_t


def sample(eps_phi: Denoiser, z_T: Latent, y: Prompt, times: Times) -> Latent:
    """z_0 from z_T."""
    *_, z_0 = ddim_states(eps_phi, z_T, y, times)
    return z_0


def ddim_invert_step(eps_phi: Denoiser, z_below: Latent, y: Prompt, below: int, t: int) -> Latent:
    """A step of the way up: z at t from z at `below`, with the noise that the network sees at t in
    the state below. Right where neighbouring states are alike: what it gets wrong on the whole way
    is of the order of a step.
    """
    eps = eps_phi(z_below, y, times_of(t, z_below))
    return ddim_step(eps_phi.schedule, z_below, eps, below, t)


def times_of(t: int, z: Latent) -> Timestep:
    """t for every row."""
    return torch.full((len(z),), t, device=z.device)
