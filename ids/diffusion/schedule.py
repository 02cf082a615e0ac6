"""Noise schedules z_t = alpha(t) z_0 + sigma(t) eps, and the three ways to read that line."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.capabilities import Transition
from ids.core.protocols import Schedule
from ids.core.tensors import Coefficient, Latent, Timestep


@dataclass(frozen=True)
class VP:
    """Variance preserving (Ho et al. 2020): alpha = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar).

    The table is float64, so that 1 - alpha_bar keeps its digits near t = 0; coefficients come in
    the latents' `dtype`.
    """

    alpha_bar: Float[Tensor, " T"]
    dtype: torch.dtype = torch.float32

    @property
    def n_timesteps(self) -> int:
        return len(self.alpha_bar)

    def to(self, device: torch.device) -> "VP":
        return VP(self.alpha_bar.to(device), self.dtype)

    def alpha(self, t: Timestep) -> Coefficient:
        return self.alpha_bar[t].sqrt().to(self.dtype).view(-1, 1, 1, 1)

    def sigma(self, t: Timestep) -> Coefficient:
        return (1 - self.alpha_bar[t]).sqrt().to(self.dtype).view(-1, 1, 1, 1)

    def transition(self, t: Timestep, t_prev: Timestep) -> Transition:
        """alpha = alpha_bar_t / alpha_bar_t_prev, beta = 1 - alpha."""
        alpha = (self.alpha_bar[t] / self.alpha_bar[t_prev]).view(-1, 1, 1, 1)
        return Transition(alpha.to(self.dtype), (1 - alpha).to(self.dtype))


@dataclass(frozen=True)
class Flow:
    """Rectified flow (Liu et al. 2023) on integer timesteps: alpha = 1 - t/T, sigma = t/T."""

    n_timesteps: int = 1000
    dtype: torch.dtype = torch.float32

    def alpha(self, t: Timestep) -> Coefficient:
        return 1 - self.sigma(t)

    def sigma(self, t: Timestep) -> Coefficient:
        return (t.double() / self.n_timesteps).to(self.dtype).view(-1, 1, 1, 1)


def scaled_linear_vp(dtype: torch.dtype = torch.float32) -> VP:
    """Stable Diffusion's schedule: sqrt(beta) linear from sqrt(0.00085) to sqrt(0.012) over 1000
    steps.
    """
    beta = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64).square()
    return VP((1 - beta).cumprod(0), dtype)


def diffuse(schedule: Schedule, z_0: Latent, eps: Latent, t: Timestep) -> Latent:
    """z_t."""
    return schedule.alpha(t) * z_0 + schedule.sigma(t) * eps


def predict_z0(schedule: Schedule, z_t: Latent, eps: Latent, t: Timestep) -> Latent:
    """z_0|t, the posterior mean (Tweedie) where eps is the predicted noise."""
    return (z_t - schedule.sigma(t) * eps) / schedule.alpha(t)


def predict_eps(schedule: Schedule, z_t: Latent, z_0: Latent, t: Timestep) -> Latent:
    """The noise that leads from z_0 to z_t."""
    return (z_t - schedule.alpha(t) * z_0) / schedule.sigma(t)


class Posterior(NamedTuple):
    """q(z_t_prev | z_t, z_0) = N(c_0 z_0 + c_t z_t, sigma^2)."""

    c_0: Coefficient
    c_t: Coefficient
    sigma: Coefficient


def posterior(schedule: Schedule, t: Timestep, t_prev: Timestep, step: Transition) -> Posterior:
    """DDPM's posterior (Ho et al. 2020, Eq. 6 and 7), with the step given apart: it is the true
    posterior where that is the schedule's own from t_prev to t.
    """
    alpha_prev, sigma_prev = schedule.alpha(t_prev), schedule.sigma(t_prev)
    sigma = schedule.sigma(t)
    return Posterior(
        c_0=alpha_prev * step.beta / sigma**2,
        c_t=step.alpha.sqrt() * sigma_prev**2 / sigma**2,
        sigma=sigma_prev / sigma * step.beta.sqrt(),
    )
