"""Classifier-free guidance (Ho and Salimans 2022)."""

from dataclasses import dataclass

import torch

from ids.core.protocols import Backbone, Schedule
from ids.core.tensors import Latent, Prompt, Timestep


@dataclass(frozen=True)
class Guided:
    """eps_null + w (eps_y - eps_null), w = `guidance_scale`; w = 1 is no guidance, at half the
    cost.

    Other code bases write cond + s (cond - null): there s = w - 1.
    """

    backbone: Backbone
    y_null: Prompt
    guidance_scale: float

    @property
    def schedule(self) -> Schedule:
        return self.backbone.schedule

    def __call__(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        if self.guidance_scale == 1:
            return self.backbone.eps(z_t, y, t)
        both = self.backbone.eps(z_t.repeat(2, 1, 1, 1), torch.cat([self.y_null, y]), t.repeat(2))
        eps_null, eps_y = both.chunk(2)
        return eps_null + self.guidance_scale * (eps_y - eps_null)
