"""Denoising diffusion implicit models (Song et al. 2021): the deterministic sampler and its
inversion.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch

from ids.core.errors import ConfigError
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser, Schedule
from ids.core.tensors import Latent, Timestep
from ids.diffusion.schedule import diffuse, predict_z0

Times = Sequence[int]  # timesteps of a sampler, noisiest first, 0 last
SPANNED = 0.85  # smallest share of the timesteps that a grid spans: others do not reach the noise


def evenly(n_steps: int, n_timesteps: int) -> Times:
    """From the noisiest timestep to 0 in equal steps."""
    times: list[int] = torch.linspace(n_timesteps - 1, 0, n_steps + 1).round().long().tolist()
    return times


def leading(n_steps: int, n_timesteps: int, offset: int = 0) -> Times:
    """Stable Diffusion's grid: offset + k (T // n_steps) for k = n_steps - 1 .. 0, and then 0,
    whose alpha_bar its schedulers use for the clean end (`set_alpha_to_one` false).

    `ConfigError` if the grid spans too few timesteps: 600 strides of 1 end at 600 of 1000.
    """
    stride = n_timesteps // n_steps
    top = offset + stride * (n_steps - 1)
    if top >= n_timesteps or stride * n_steps < SPANNED * n_timesteps:
        raise ConfigError(
            f"n_steps: expected a grid that spans the {n_timesteps} timesteps; {n_steps} strides "
            f"of {stride} from {offset} do not; take 20, 50, 250, 500 or {n_timesteps - 1}"
        )
    return [*(offset + stride * k for k in reversed(range(n_steps))), 0]


def check_grid(where: str, n_steps: int, offset: int) -> None:
    """`ValueError` for a number of steps or an offset that no schedule has a grid for."""
    if n_steps < 2:
        raise ValueError(f"{where}.n_steps: expected 2 or more; got {n_steps}")
    if offset not in (0, 1):
        raise ValueError(f"{where}.offset: expected 0 or 1; got {offset}")


def ddim_step(schedule: Schedule, z_t: Latent, eps: Latent, t: int, to: int) -> Latent:
    """z at `to` from z at t, noisier or cleaner, with the predicted noise (Eq. 12, sigma = 0)."""
    z_0t = predict_z0(schedule, z_t, eps, times_of(t, z_t))
    return diffuse(schedule, z_0t, eps, times_of(to, z_t))


def ddim_states(eps_phi: Denoiser, z_T: Latent, y: Prompt, times: Times) -> Iterator[Latent]:
    """Sampling from z_T at times[0]: yields the states at times[1:]."""
    z_t = z_T
    for t, below in pairwise(times):
        z_t = ddim_step(eps_phi.schedule, z_t, eps_phi(z_t, y, times_of(t, z_t)), t, below)
        yield z_t


def sample(eps_phi: Denoiser, z_T: Latent, y: Prompt, times: Times) -> Latent:
    """z_0, sampled from z_T at times[0]."""
    *_, z_0 = ddim_states(eps_phi, z_T, y, times)
    return z_0


def ddim_invert_step(eps_phi: Denoiser, z_below: Latent, y: Prompt, below: int, t: int) -> Latent:
    """z at t from the cleaner z at `below`, with the noise predicted at t for the cleaner state.
    The error of a whole inversion is of first order in the step.
    """
    eps = eps_phi(z_below, y, times_of(t, z_below))
    return ddim_step(eps_phi.schedule, z_below, eps, below, t)


def times_of(t: int | float, z: Latent) -> Timestep:
    """t for every row of z."""
    return torch.full((len(z),), t, device=z.device)
