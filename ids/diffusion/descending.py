"""Timesteps that fall from step to step."""

from dataclasses import dataclass

import torch

from ids.core.records import Draw
from ids.core.rng import Streams
from ids.core.tensors import Latent, to_device
from ids.diffusion.timesteps import Uniform


@dataclass(frozen=True)
class Descending:
    """t falls evenly through the timesteps of `Uniform(low, high, stride)`, from the highest at
    step 0 to the lowest at step `over` - 1, and begins again; eps as with `Uniform`. Annealing by
    DreamTime (Huang et al. 2024), without its weights, falls once.

    `over` does not follow the number of steps: the state after k steps is an edit of k steps.
    """

    low: int = 50
    high: int = 949
    stride: int = 1
    over: int = 200

    def __post_init__(self) -> None:
        if self.over < 2:
            raise ValueError(f"timesteps.over: expected 2 or more; got {self.over}")
        _ = self.uniform

    @property
    def uniform(self) -> Uniform:
        """The timesteps that it passes. `ValueError` for bounds that are none."""
        return Uniform(self.low, self.high, self.stride)

    def check(self, n_timesteps: int) -> None:
        """`ConfigError` if the schedule has fewer than `high` timesteps."""
        self.uniform.check(n_timesteps)

    def draw(self, z_src: Latent, rng: Streams) -> Draw:
        """The timestep of the step for every row, and the noise that `Uniform` draws."""
        last, left = self.uniform.n - 1, self.over - 1 - rng.step % self.over
        at = self.low + self.stride * ((2 * last * left + self.over - 1) // (2 * (self.over - 1)))
        t = to_device(torch.full((len(z_src),), at), z_src.device)
        return Draw(t=t, eps=rng.normal("eps", like=z_src), rng=rng, t_prev=t - self.stride)
