"""Classifier-free guidance (Ho and Salimans 2022)."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from ids.core.capabilities import FeatureBackbone, require
from ids.core.prompt import Prompt, Rows
from ids.core.protocols import Backbone, Schedule
from ids.core.tensors import Features, Latent, Timestep
from ids.diffusion.velocity import velocity


def guide(eps_null: Latent, eps_y: Latent, guidance_scale: float) -> Latent:
    """eps_null + w (eps_y - eps_null), w the guidance scale: 0 is the null prompt's prediction, 1
    the prompt's. Code that writes eps_y + s (eps_y - eps_null) has s = w - 1.
    """
    return eps_null + guidance_scale * (eps_y - eps_null)


@dataclass(frozen=True)
class Guided:
    """A denoiser under guidance: two samples per latent; at `guidance_scale` 1 the prompt alone, at
    half the cost. `y_null` has a row per latent.
    """

    backbone: Backbone
    y_null: Prompt
    guidance_scale: float
    _joined: list[tuple[Sequence[Prompt], Prompt]] = field(
        default_factory=list, repr=False, compare=False
    )

    @property
    def schedule(self) -> Schedule:
        """The backbone's."""
        return self.backbone.schedule

    def rows(self, rows: Rows) -> "Guided":
        """The denoiser of other rows: each has the null prompt of the row that it names."""
        return replace(self, y_null=self.y_null[rows], _joined=[])

    def at(self, guidance_scale: float) -> "Guided":
        """The denoiser at another scale, with the same prompts in memory."""
        if guidance_scale == self.guidance_scale:
            return self
        return replace(self, guidance_scale=guidance_scale)

    def __call__(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """The guided noise prediction, differentiable in z_t."""
        if self.guidance_scale == 1:
            return self.backbone.eps(z_t, y, t)
        return guide(*self.pair(z_t, y, t), self.guidance_scale)

    def pair(self, z_t: Latent, y: Prompt, t: Timestep) -> tuple[Latent, Latent]:
        """The noise predictions for the null prompt and for y, from one call."""
        eps_null, eps_y = self.unguided(z_t, [self.y_null, y], t)
        return eps_null, eps_y

    def velocity(self, z: Latent, y: Prompt, t: Timestep) -> Latent:
        """The guided velocity (`ids.diffusion.velocity`), differentiable in z."""
        if self.guidance_scale == 1:
            return velocity(self.backbone, z, y, t)
        both = velocity(
            self.backbone, z.repeat(2, 1, 1, 1), self.joined(self.y_null, y), t.repeat(2)
        )
        v_null, v_y = both.chunk(2)
        return guide(v_null, v_y, self.guidance_scale)

    def unguided(self, z_t: Latent, prompts: Sequence[Prompt], t: Timestep) -> Sequence[Latent]:
        """The noise prediction for each of these prompts at the same z_t, without guidance, from
        one call: a sample per latent and prompt.
        """
        n = len(prompts)
        if n == 1:
            return [self.backbone.eps(z_t, prompts[0], t)]
        eps = self.backbone.eps(z_t.repeat(n, 1, 1, 1), self.joined(*prompts), t.repeat(n))
        return eps.chunk(n)

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        """The guided noise prediction, detached, and the maps of the prompt's half, differentiable.

        Where a gradient is needed, the null half is a separate pass: a gradient of the maps then
        costs one backward, not two.
        """
        backbone = require(self.backbone, FeatureBackbone)
        if self.guidance_scale == 1:
            eps_y, maps = backbone.features(z_t, y, t, sites)
            return eps_y.detach(), maps
        if not (torch.is_grad_enabled() and z_t.requires_grad):
            return self._features_at_once(backbone, z_t, y, t, sites)
        with torch.no_grad():
            eps_null = self.backbone.eps(z_t, self.y_null, t)
        eps_y, maps = backbone.features(z_t, y, t, sites)
        return guide(eps_null, eps_y.detach(), self.guidance_scale), maps

    def _features_at_once(
        self, backbone: FeatureBackbone, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        twice = z_t.repeat(2, 1, 1, 1), self.joined(self.y_null, y), t.repeat(2)
        eps, maps = backbone.features(*twice, sites)
        eps_null, eps_y = eps.chunk(2)
        half = {site: h.chunk(2)[1] for site, h in maps.items()}
        return guide(eps_null, eps_y, self.guidance_scale).detach(), half

    def joined(self, *prompts: Prompt) -> Prompt:
        """The rows of these prompts, in order; the newest ones are kept, as an edit has a source
        and a target prompt at all of its steps.
        """
        for known, joined in self._joined:
            if len(known) == len(prompts) and all(map(operator.is_, known, prompts)):
                return joined
        joined = Prompt.cat(prompts)
        if not joined.embedding.requires_grad:
            self._joined[:] = [*self._joined[-1:], (prompts, joined)]
        return joined
