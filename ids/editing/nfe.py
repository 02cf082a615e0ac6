"""Counting function evaluations of the network, in samples."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from torch import Tensor

from ids.core.capabilities import (
    FeatureBackbone,
    Hook,
    HookedBackbone,
    TokenBackbone,
    Tokens,
    require,
)
from ids.core.prompt import Prompt
from ids.core.protocols import Backbone, Schedule
from ids.core.tensors import Features, Images, Latent, Timestep
from ids.diffusion.velocity import velocity


@dataclass
class NFE:
    """Numbers of function evaluations: `forwards` and `backwards` of one sample each. Guidance
    evaluates two samples per latent.
    """

    forwards: int = 0
    backwards: int = 0

    def count_backward(self, gradient: Tensor) -> None:
        """A gradient hook: one backward per row."""
        self.backwards += len(gradient)


@dataclass(frozen=True)
class MeteredBackbone:
    """A backbone that counts its function evaluations; one that runs out of memory is none."""

    backbone: Backbone
    nfe: NFE = field(default_factory=NFE)

    @property
    def schedule(self) -> Schedule:
        """The backbone's."""
        return self.backbone.schedule

    def encode(self, x: Images) -> Latent:
        """Not counted."""
        return self.backbone.encode(x)

    def decode(self, z: Latent) -> Images:
        """Not counted."""
        return self.backbone.decode(z)

    def prompt(self, texts: Sequence[str]) -> Prompt:
        """Not counted."""
        return self.backbone.prompt(texts)

    def eps(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        """Counted."""
        eps = self.backbone.eps(*self._watched(z_t, y), t)
        self.nfe.forwards += len(z_t)
        return eps

    def velocity(self, z: Latent, y: Prompt, t: Timestep) -> Latent:
        """Counted: the backbone's, or that of its noise prediction."""
        v = velocity(self.backbone, *self._watched(z, y), t)
        self.nfe.forwards += len(z)
        return v

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        """Counted as one pass. `UnsupportedError` if the backbone has no features."""
        backbone = require(self.backbone, FeatureBackbone)
        found = backbone.features(*self._watched(z_t, y), t, sites)
        self.nfe.forwards += len(z_t)
        return found

    def tokens(self, text: str) -> Tokens:
        """Not counted. `UnsupportedError` if the backbone has none."""
        return require(self.backbone, TokenBackbone).tokens(text)

    def hooked(self, hook: Hook) -> AbstractContextManager[None]:
        """`UnsupportedError` if the backbone takes no hooks."""
        return require(self.backbone, HookedBackbone).hooked(hook)

    def _watched(self, z_t: Latent, y: Prompt) -> tuple[Latent, Prompt]:
        """Count a backward whenever a gradient reaches z_t, or y if z_t needs none."""
        z_t, embedding = z_t.view_as(z_t), y.embedding.view_as(y.embedding)
        if z_t.requires_grad:
            z_t.register_hook(self.nfe.count_backward)
        elif embedding.requires_grad:
            embedding.register_hook(self.nfe.count_backward)
        return z_t, y.with_embedding(embedding)
