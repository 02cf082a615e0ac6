"""The exact world: every prompt is a Gaussian, so the score is known in closed form and methods can
be tested against theorems.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from ids.core.capabilities import PosteriorSchedule
from ids.core.prompt import Prompt, check_texts
from ids.core.protocols import Schedule
from ids.core.rng import generator
from ids.core.tensors import Images, Latent, Timestep
from ids.diffusion.schedule import scaled_linear_vp

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Gaussian:
    """`backbone=gaussian`: p(z | y) = N(mu_y, spread^2), mu_y one colour per prompt; latents are
    pixels in [-1, 1]. `image_size` in pixels; `ValueError` for a `spread` of 0 or less.
    """

    spread: float = 0.5
    image_size: int = 32
    fpr_scale: float = 0.4330127  # the released lambda at this latent size: sqrt(d / 16384)

    gives: ClassVar[frozenset[type]] = frozenset({PosteriorSchedule})

    def __post_init__(self) -> None:
        if not self.spread > 0:
            raise ValueError(
                f"backbone.spread: expected a standard deviation above 0; got {self.spread}"
            )

    def identity(self) -> Mapping[str, str]:
        """The spread: it determines every number."""
        return {"name": "gaussian", "spread": str(self.spread)}

    def load(self, device: torch.device) -> "GaussianWorld":
        """The world on Stable Diffusion's noise schedule."""
        return GaussianWorld(scaled_linear_vp().to(device), self.spread, device)


@dataclass(frozen=True)
class GaussianWorld:
    """A backbone of p(z | y) = N(y, spread^2 I): eps(z_t, y, t) = sigma (z_t - alpha y) / (alpha^2
    spread^2 + sigma^2).

    A prompt is its mean, [B, C]. A guided score is a score of the same form, of mean
    mu_null + w (mu_y - mu_null).
    """

    schedule: Schedule
    spread: float = 0.5
    device: torch.device = CPU

    def encode(self, x: Images) -> Latent:
        """[0, 1] to [-1, 1]."""
        return x.to(self.device) * 2 - 1

    def decode(self, z: Latent) -> Images:
        """[-1, 1] to [0, 1], clamped."""
        return ((z + 1) / 2).clamp(0, 1)

    def prompt(self, texts: Sequence[str]) -> Prompt:
        """Means in [-1, 1], one colour per text, the same on every machine."""
        rows = [generator(text).uniform(-1, 1, 3) for text in check_texts(texts)]
        return Prompt(torch.from_numpy(np.stack(rows)).float())

    def eps(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """The exact posterior mean of the noise."""
        alpha, sigma = self.schedule.alpha(t), self.schedule.sigma(t)
        mean = y.embedding.to(z_t)[:, :, None, None]
        return sigma * (z_t - alpha * mean) / (alpha**2 * self.spread**2 + sigma**2)
