"""Timesteps that fall towards a bound, as optimization of scenes anneals them."""

from dataclasses import dataclass

import torch

from ids.core.errors import ConfigError
from ids.core.records import Draw
from ids.core.rng import Streams
from ids.core.tensors import Latent, to_device


@dataclass(frozen=True)
class Annealed:
    """t = 1 + low + (high - low) (1 - k / over), rounded down, at step k: from `high` + 1 towards
    `low` + 1, which is not reached, and again from the top after `over` steps; eps as with
    `Uniform`, and t_prev = t - stride. The released SSD has 20, 980 and 1500.

    `over` does not follow the number of steps: the state after k steps is an edit of k steps.
    """

    low: int = 20
    high: int = 980
    stride: int = 1
    over: int = 200

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high:
            raise ValueError(f"timesteps: expected 0 <= low < high; got {self.low} and {self.high}")
        if not 1 <= self.stride <= self.low + 1:
            raise ValueError(f"timesteps.stride: expected 1 to low + 1; got {self.stride}")
        if self.over < 1:
            raise ValueError(f"timesteps.over: expected 1 or more; got {self.over}")

    def check(self, n_timesteps: int) -> None:
        """`ConfigError` if the schedule has no timestep `high` + 1."""
        if self.high + 1 >= n_timesteps:
            raise ConfigError(
                f"method.timesteps.high: expected at most {n_timesteps - 2}, as the backbone has "
                f"{n_timesteps} timesteps; got {self.high}; lower it"
            )

    def timestep(self, step: int) -> int:
        """The timestep of a step, from 0."""
        left = self.over - step % self.over
        return 1 + self.low + (self.high - self.low) * left // self.over

    def draw(self, z_src: Latent, rng: Streams) -> Draw:
        """The timestep of the step for every row, and the noise that `Uniform` draws."""
        t = to_device(torch.full((len(z_src),), self.timestep(rng.step)), z_src.device)
        return Draw(t=t, eps=rng.normal("eps", like=z_src), rng=rng, t_prev=t - self.stride)
