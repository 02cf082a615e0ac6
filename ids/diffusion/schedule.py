"""Noise schedules z_t = alpha(t) z_0 + sigma(t) eps, and that line solved for z_t, z_0 and eps."""

from dataclasses import dataclass, field
from functools import cached_property
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

    Timesteps are integers, 0 .. T-1. The table is float64, so that 1 - alpha_bar keeps its digits
    near t = 0; coefficients have the latents' `dtype` and are computed once, for all timesteps.
    """

    alpha_bar: Float[Tensor, " T"] = field(repr=False)
    dtype: torch.dtype = torch.float32

    @property
    def n_timesteps(self) -> int:
        """T, the length of the table."""
        return len(self.alpha_bar)

    def to(self, device: torch.device) -> "VP":
        """With the table on this device."""
        return VP(self.alpha_bar.to(device), self.dtype)

    def alpha(self, t: Timestep) -> Coefficient:
        """sqrt(alpha_bar_t). `ValueError` if t is not an integer."""
        return self._alphas[_whole(t)]

    def sigma(self, t: Timestep) -> Coefficient:
        """sqrt(1 - alpha_bar_t). `ValueError` if t is not an integer."""
        return self._sigmas[_whole(t)]

    def transition(self, t: Timestep, t_prev: Timestep) -> Transition:
        """alpha = alpha_bar_t / alpha_bar_t_prev, beta = 1 - alpha."""
        alpha = (self.alpha_bar[_whole(t)] / self.alpha_bar[_whole(t_prev)]).view(-1, 1, 1, 1)
        return Transition(alpha.to(self.dtype), (1 - alpha).to(self.dtype))

    @cached_property
    def _alphas(self) -> Float[Tensor, "T 1 1 1"]:
        return self.alpha_bar.sqrt().to(self.dtype).view(-1, 1, 1, 1)

    @cached_property
    def _sigmas(self) -> Float[Tensor, "T 1 1 1"]:
        return (1 - self.alpha_bar).sqrt().to(self.dtype).view(-1, 1, 1, 1)


def _whole(t: Timestep) -> Timestep:
    if t.is_floating_point():
        raise ValueError(
            f"VP: expected integer timesteps; got {t.dtype}; use a Flow schedule for real ones"
        )
    return t


@dataclass(frozen=True)
class Flow:
    """Rectified flow (Liu et al. 2023): sigma = t / T, alpha = 1 - sigma, t any number in 0 .. T.

    `shift` s moves timesteps towards noise, as high resolutions need it (SD3: Esser et al. 2024,
    Eq. 23; FLUX): sigma <- s sigma / (1 + (s - 1) sigma). 1 changes nothing.
    """

    n_timesteps: int = 1000
    dtype: torch.dtype = torch.float32
    shift: float = 1.0

    def __post_init__(self) -> None:
        if not self.shift > 0:
            raise ValueError(f"Flow.shift: expected more than 0; got {self.shift}")

    def alpha(self, t: Timestep) -> Coefficient:
        """1 - sigma."""
        return 1 - self.sigma(t)

    def sigma(self, t: Timestep) -> Coefficient:
        """The shifted t / T."""
        return self.shifted(t.double() / self.n_timesteps).to(self.dtype).view(-1, 1, 1, 1)

    def shifted(self, sigma: Tensor) -> Tensor:
        """The noise level of t / T."""
        return self.shift * sigma / (1 + (self.shift - 1) * sigma)

    def unshifted(self, sigma: Tensor) -> Tensor:
        """t / T of a noise level."""
        return sigma / (self.shift - (self.shift - 1) * sigma)


def scaled_linear_vp(dtype: torch.dtype = torch.float32) -> VP:
    """Stable Diffusion's schedule: sqrt(beta) linear from sqrt(0.00085) to sqrt(0.012) over 1000
    steps.
    """
    beta = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64).square()
    return VP((1 - beta).cumprod(0), dtype)


def diffuse(schedule: Schedule, z_0: Latent, eps: Latent, t: Timestep) -> Latent:
    """z_t = alpha z_0 + sigma eps."""
    return schedule.alpha(t) * z_0 + schedule.sigma(t) * eps


def predict_z0(schedule: Schedule, z_t: Latent, eps: Latent, t: Timestep) -> Latent:
    """z_0|t = (z_t - sigma eps) / alpha: the posterior mean (Tweedie) if eps is predicted."""
    return (z_t - schedule.sigma(t) * eps) / schedule.alpha(t)


def predict_eps(schedule: Schedule, z_t: Latent, z_0: Latent, t: Timestep) -> Latent:
    """eps = (z_t - alpha z_0) / sigma: the noise that takes z_0 to z_t."""
    return (z_t - schedule.alpha(t) * z_0) / schedule.sigma(t)


class Posterior(NamedTuple):
    """q(z_t_prev | z_t, z_0) = N(c_0 z_0 + c_t z_t, sigma^2)."""

    c_0: Coefficient
    c_t: Coefficient
    sigma: Coefficient


def posterior(schedule: Schedule, t: Timestep, t_prev: Timestep, step: Transition) -> Posterior:
    """DDPM's posterior (Ho et al. 2020, Eq. 6 and 7), with the alpha and beta of `step`. It is the
    true posterior if `step` is the schedule's transition from t_prev to t.
    """
    alpha_prev, sigma_prev = schedule.alpha(t_prev), schedule.sigma(t_prev)
    sigma = schedule.sigma(t)
    return Posterior(
        c_0=alpha_prev * step.beta / sigma**2,
        c_t=step.alpha.sqrt() * sigma_prev**2 / sigma**2,
        sigma=sigma_prev / sigma * step.beta.sqrt(),
    )
