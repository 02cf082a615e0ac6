"""Classifier-free guidance (Ho and Salimans 2022)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ids.core.capabilities import FeatureBackbone, require
from ids.core.prompt import Prompt
from ids.core.protocols import Backbone, Schedule
from ids.core.tensors import Features, Latent, Timestep


@dataclass(frozen=True)
class Guided:
    """eps_null + w (eps_y - eps_null), w = `guidance_scale`; w = 1 is no guidance, at half the
    cost.

    Other code weights_ids write cond + s (cond - null): there s = w - 1.
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
        both = self.backbone.eps(z_t.repeat(2, 1, 1, 1), Prompt.cat([self.y_null, y]), t.repeat(2))
        eps_null, eps_y = both.chunk(2)
        return eps_null + self.guidance_scale * (eps_y - eps_null)

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        """Guided eps, detached, and the maps of the half that reads the prompt, differentiable.

        The null half is asked apart: a gradient of the maps then costs one backward, not two.
        """
        backbone = require(self.backbone, FeatureBackbone)
        if self.guidance_scale == 1:
            eps_y, maps = backbone.features(z_t, y, t, sites)
            return eps_y.detach(), maps
        with torch.no_grad():
            eps_null = self.backbone.eps(z_t, self.y_null, t)
        eps_y, maps = backbone.features(z_t, y, t, sites)
        return eps_null + self.guidance_scale * (eps_y.detach() - eps_null), maps
