"""A bank of draws, used again and again."""

from dataclasses import dataclass

from ids.core.records import Draw
from ids.core.rng import Streams
from ids.core.tensors import Latent
from ids.diffusion.timesteps import Uniform


@dataclass(frozen=True)
class Bank:
    """The first `size` draws of `Uniform(low, high, stride)`, in turn: step k uses draw k mod
    `size`. Up to `size` steps, this is `Uniform`.

    A source half depends on its draw alone, so each is computed once in an edit; after `size` steps
    a step costs its target half.
    """

    low: int = 50
    high: int = 949
    stride: int = 1
    size: int = 16

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"timesteps.size: expected 1 or more; got {self.size}")
        _ = self.uniform

    @property
    def uniform(self) -> Uniform:
        """Where the draws are from. `ValueError` for bounds that are none."""
        return Uniform(self.low, self.high, self.stride)

    def check(self, n_timesteps: int) -> None:
        """`ConfigError` if the schedule has fewer than `high` timesteps."""
        self.uniform.check(n_timesteps)

    def entry(self, step: int) -> int:
        """The number of the step's draw: that of the first step which uses it."""
        return step % self.size

    def draw(self, z_src: Latent, rng: Streams) -> Draw:
        """The draw of the step's entry, with all random numbers of that entry."""
        return self.uniform.draw(z_src, rng.at(self.entry(rng.step)))
