"""How the timestep and the noise of a step are drawn."""

from dataclasses import dataclass

from ids.core.errors import ConfigError
from ids.core.records import Draw
from ids.core.rng import Streams
from ids.core.tensors import Latent, to_device


@dataclass(frozen=True)
class Uniform:
    """t uniform on low, low + stride, ... below high, t_prev = t - stride, eps standard normal. The
    released DDS, CDS and IDS draw t from 50 .. 948, PDS from 21, 23 .. 979.
    """

    low: int = 50
    high: int = 949
    stride: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= self.low < self.high:
            raise ValueError(
                "timesteps: expected 1 <= stride <= low < high; "
                f"got stride={self.stride}, low={self.low}, high={self.high}"
            )

    @property
    def n(self) -> int:
        """The number of timesteps to draw from."""
        return -(-(self.high - self.low) // self.stride)

    def check(self, n_timesteps: int) -> None:
        """`ConfigError` if the schedule has fewer than `high` timesteps."""
        if self.high > n_timesteps:
            raise ConfigError(
                f"method.timesteps.high: expected at most {n_timesteps}, the backbone's timesteps; "
                f"got {self.high}; lower it"
            )

    def draw(self, z_src: Latent, rng: Streams) -> Draw:
        """One draw per row. Methods at one seed see the same t (for equal bounds) and eps."""
        t = to_device(self.low + self.stride * rng.integers("t", 0, self.n), z_src.device)
        return Draw(t=t, eps=rng.normal("eps", like=z_src), rng=rng, t_prev=t - self.stride)
