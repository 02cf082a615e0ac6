"""Where along the diffusion a step looks."""

from dataclasses import dataclass

from ids.core.records import Draw
from ids.core.rng import Streams
from ids.core.tensors import Latent


@dataclass(frozen=True)
class Uniform:
    """t uniform on low .. high - 1, eps standard normal. The released DDS, CDS and IDS draw 50 ..
    948.
    """

    low: int = 50
    high: int = 949

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high:
            raise ValueError(
                f"timesteps: expected 0 <= low < high; got low={self.low}, high={self.high}"
            )

    def draw(self, z_src: Latent, rng: Streams) -> Draw:
        t = rng.integers("t", self.low, self.high).to(z_src.device)
        return Draw(t=t, eps=rng.normal("eps", like=z_src), rng=rng)
