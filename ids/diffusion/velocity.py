"""Every diffusion model as a rectified flow: z = (1 - tau) z_0 + tau eps with the noise level tau =
sigma / (alpha + sigma), and the velocity v(z, y, t) = E[eps - z_0 | z]. For a `Flow` schedule tau
is sigma and z is z_t; for others z is z_t / (alpha + sigma).
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor

from ids.core.capabilities import VelocityBackbone
from ids.core.errors import ConfigError
from ids.core.prompt import Prompt
from ids.core.protocols import Backbone, Schedule
from ids.core.tensors import Coefficient, Latent, Timestep
from ids.diffusion.ddim import evenly
from ids.diffusion.schedule import Flow


def noise_level(schedule: Schedule, t: Timestep) -> Coefficient:
    """tau, from 0 (clean) to 1."""
    sigma = schedule.sigma(t)
    return sigma / (schedule.alpha(t) + sigma)


def mix(level: Tensor, z_0: Latent, eps: Latent) -> Latent:
    """(1 - tau) z_0 + tau eps."""
    return (1 - level) * z_0 + level * eps


def velocity(backbone: Backbone, z: Latent, y: Prompt, t: Timestep) -> Latent:
    """The backbone's velocity at z, a mixture at noise level tau(t); differentiable in z. One that
    predicts noise alone has v = (eps - z) / (1 - tau), which is not defined at tau = 1: see
    `check_start`.
    """
    if isinstance(backbone, VelocityBackbone):
        return backbone.velocity(z, y, t)
    schedule = backbone.schedule
    alpha = schedule.alpha(t)
    total = alpha + schedule.sigma(t)
    return (backbone.eps(total * z, y, t) - z) * (total / alpha)


@dataclass(frozen=True)
class FlowGrid:
    """A sampler's timesteps, noisiest first; `levels` are their noise levels and, last, 0. `sigmas`
    are the levels at which a sampler starts: in diffusers a table that differs from t / 1000 in
    the last digit of a float32.
    """

    t: Real[Tensor, " n_steps"] = field(repr=False)
    levels: Float[Tensor, " n_steps+1"] = field(repr=False)
    sigmas: Float[Tensor, " n_steps"] = field(repr=False)

    def stride(self, step: int) -> Tensor:
        """The change of the noise level in a step, below 0."""
        return self.levels[step + 1] - self.levels[step]


def flow_grid(
    schedule: Schedule, n_steps: int, t_max: int | None, device: torch.device
) -> FlowGrid:
    """The sampler's grid of `n_steps` from `t_max`, the model's noisiest timestep if None: of a
    `Flow` schedule as diffusers' FlowMatchEulerDiscreteScheduler, of others in equal steps to 0.
    `ConfigError` for a `t_max` that the schedule does not have.
    """
    top = schedule.n_timesteps - (0 if isinstance(schedule, Flow) else 1)
    first = top if t_max is None else t_max
    if not 1 <= first <= top:
        raise ConfigError(f"method.t_max: expected 1 to {top}, or null; got {t_max}")
    if isinstance(schedule, Flow):
        return _euler_grid(schedule, n_steps, first, device)
    t = torch.tensor(evenly(n_steps, first + 1)[:-1], device=device)
    levels = noise_level(schedule, t).flatten()
    return FlowGrid(t, _ended(levels), levels)


def check_start(backbone: Backbone, grid: FlowGrid, first: int) -> None:
    """`ConfigError` if the first step that is run is at pure noise, where a backbone that predicts
    noise alone has no velocity.
    """
    if not isinstance(backbone, VelocityBackbone) and float(grid.levels[first]) == 1:
        top = backbone.schedule.n_timesteps
        raise ConfigError(
            f"method.t_max: expected less than {top}, as the backbone predicts noise alone, which "
            f"gives no velocity at pure noise; set method.t_max={top - 1}, or run fewer steps"
        )


def _euler_grid(schedule: Flow, n_steps: int, first: int, device: torch.device) -> FlowGrid:
    """As diffusers: timesteps in equal steps to the smallest level of the training grid, which is
    so shifted twice; levels in float32, and timesteps 1000 times those, in float32 again.
    """
    n = schedule.n_timesteps
    last = schedule.shifted(torch.tensor(1.0) / n).item() * n
    even = torch.from_numpy(np.linspace(first, last, n_steps)) / n
    sigmas = schedule.shifted(even).float()
    levels = (sigmas * n).double() / n
    t = (schedule.unshifted(levels) * n).to(device)
    return FlowGrid(t, _ended(levels.to(device, schedule.dtype)), sigmas.to(device, schedule.dtype))


def _ended(levels: Tensor) -> Tensor:
    return torch.cat([levels, levels.new_zeros(1)])
