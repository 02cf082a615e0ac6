"""The timesteps of latent consistency models, and denoising diffusion consistent models."""

from typing import NamedTuple

from ids.core.errors import ConfigError
from ids.core.protocols import Schedule
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times, times_of
from ids.diffusion.schedule import diffuse, predict_eps


def consistency_times(n_steps: int, original: int, n_timesteps: int) -> Times:
    """The grid of latent consistency models (Luo et al. 2023, as diffusers has it), noisiest first,
    without 0: `n_steps` of the `original` timesteps k (T // original) - 1. `ConfigError` if the
    schedule has fewer timesteps than that.
    """
    if original > n_timesteps:
        raise ConfigError(
            f"method.original_steps: expected at most {n_timesteps}, the backbone's timesteps; got "
            f"{original}; lower it"
        )
    stride, share = n_timesteps // original, original / n_steps
    return [stride * (original - int(index * share)) - 1 for index in range(n_steps)]


class ConsistentStep(NamedTuple):
    """A step from t to `to` of denoising diffusion consistent models (InfEdit: Xu et al. 2024,
    Alg. 1): samples beside a source whose clean latent is known, so that no inversion is needed.

    `eta` is the share of the variance that is drawn anew: 1 keeps nothing of the old noise.
    """

    schedule: Schedule
    z_src: Latent  # clean
    z_t_src: Latent
    eps_src: Latent  # predicted at z_t_src
    noise: Latent
    eta: float
    t: int
    to: int

    def predicted(self, z_t: Latent, eps: Latent) -> Latent:
        """The clean latent of a sample: the source's, and their difference denoised."""
        t = times_of(self.t, z_t)
        difference = z_t - self.z_t_src - self.schedule.sigma(t) * (eps - self.eps_src)
        return self.z_src + difference / self.schedule.alpha(t)

    def noised(self, z_0: Latent, eps: Latent) -> Latent:
        """A clean latent at `to`, with the noise of the sample that `eps` was predicted for."""
        t, to = times_of(self.t, z_0), times_of(self.to, z_0)
        consistent = predict_eps(self.schedule, self.z_t_src, self.z_src, t)
        kept = (1 - self.eta) ** 0.5 * (eps - self.eps_src + consistent)
        drawn = self.eta**0.5 * self.noise
        return diffuse(self.schedule, z_0, kept + drawn, to)
