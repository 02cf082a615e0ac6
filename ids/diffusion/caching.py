"""One network pass for equal inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from ids.core.capabilities import FeatureBackbone, GuidedDenoiser, require
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser, Schedule
from ids.core.records import Draw
from ids.core.tensors import Features, Latent, Timestep, version_of
from ids.diffusion.schedule import diffuse


@dataclass(frozen=True)
class Seen:
    """A latent that is in memory, as it was: it is held, but its numbers are never read."""

    z: Latent
    version: float

    @classmethod
    def of(cls, z: Latent) -> "Seen":
        return cls(z.detach(), version_of(z))

    def __contains__(self, z: Latent) -> bool:
        """Whether `z` has the same numbers: those in the same memory, not written to since."""
        same = self.z.data_ptr() == z.data_ptr() and self.version == version_of(z)
        return same and self.z.shape == z.shape and self.z.stride() == z.stride()


class _Noised(NamedTuple):
    z_0: Seen
    eps: Seen
    t: Timestep
    z_t: Latent


class _Prediction(NamedTuple):
    z_t: Seen
    y: Prompt
    t: Timestep
    eps: Latent


@dataclass(frozen=True)
class CachedDenoiser:
    """A denoiser that keeps its predictions: rules that evaluate it at the same z_t share one pass,
    also if one needs eps and the other features. Lives for one half of a step.

    Latents are compared as tensors in memory, not by their numbers, for which the host would wait:
    rules that are to share a pass take z_t from `noised`. Values are kept without graphs: if z_t
    requires a gradient, the network is evaluated again.
    """

    eps_phi: Denoiser
    _predictions: list[_Prediction] = field(default_factory=list)
    _noised: list[_Noised] = field(default_factory=list)

    @classmethod
    def of(cls, eps_phi: Denoiser) -> "CachedDenoiser":
        """The denoiser itself if it is cached already."""
        return eps_phi if isinstance(eps_phi, cls) else cls(eps_phi)

    @property
    def schedule(self) -> Schedule:
        """The denoiser's."""
        return self.eps_phi.schedule

    def __call__(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """The noise prediction, from memory if z_t, y and t are the same."""
        if torch.is_grad_enabled() and z_t.requires_grad:
            return self.eps_phi(z_t, y, t)
        for known in self._predictions:
            if known.y is y and known.t is t and z_t in known.z_t:
                return known.eps
        return self._keep(z_t, y, t, self.eps_phi(z_t, y, t))

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        """The noise prediction and the maps: always a pass, whose prediction is kept."""
        eps, maps = require(self.eps_phi, FeatureBackbone).features(z_t, y, t, sites)
        return self._keep(z_t, y, t, eps), maps

    @property
    def guidance_scale(self) -> float:
        """The denoiser's."""
        return require(self.eps_phi, GuidedDenoiser).guidance_scale

    @property
    def y_null(self) -> Prompt:
        """The denoiser's."""
        return require(self.eps_phi, GuidedDenoiser).y_null

    def unguided(self, z_t: Latent, prompts: Sequence[Prompt], t: Timestep) -> Sequence[Latent]:
        """The denoiser's: always a pass."""
        return require(self.eps_phi, GuidedDenoiser).unguided(z_t, prompts, t)

    def noised(self, z_0: Latent, draw: Draw) -> Latent:
        """alpha z_0 + sigma eps, without a graph: the same tensor for the same z_0, eps and t."""
        eps, t = draw.eps, draw.t
        for known in self._noised:
            if known.t is t and z_0 in known.z_0 and eps in known.eps:
                return known.z_t
        z_t = diffuse(self.schedule, z_0.detach(), eps, t)
        self._noised.append(_Noised(Seen.of(z_0), Seen.of(eps), t, z_t))
        return z_t

    def _keep(self, z_t: Latent, y: Prompt, t: Timestep, eps: Latent) -> Latent:
        self._predictions.append(_Prediction(Seen.of(z_t), y, t, eps.detach()))
        return eps


def noised(eps_phi: Denoiser, z_0: Latent, draw: Draw) -> Latent:
    """z_t = alpha z_0 + sigma eps of a draw, without a graph. Rules of a sum, and a rule and the
    refinement of its noise, share a network pass at this tensor.
    """
    return CachedDenoiser.of(eps_phi).noised(z_0, draw)
