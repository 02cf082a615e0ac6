"""Counting network passes, in samples."""

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


@dataclass
class NFE:
    """A running count: `forwards` and `backwards` of one sample each. Guidance makes two samples of
    one latent.
    """

    forwards: int = 0
    backwards: int = 0

    def count_backward(self, gradient: Tensor) -> None:
        self.backwards += len(gradient)


@dataclass(frozen=True)
class MeteredBackbone:
    """A backbone that counts what is asked of it."""

    backbone: Backbone
    passes: NFE = field(default_factory=NFE)

    @property
    def schedule(self) -> Schedule:
        return self.backbone.schedule

    def encode(self, x: Images) -> Latent:
        return self.backbone.encode(x)

    def decode(self, z: Latent) -> Images:
        return self.backbone.decode(z)

    def prompt(self, texts: Sequence[str]) -> Prompt:
        return self.backbone.prompt(texts)

    def eps(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        return self.backbone.eps(*self._counted(z_t, y), t)

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        backbone = require(self.backbone, FeatureBackbone)
        return backbone.features(*self._counted(z_t, y), t, sites)

    def tokens(self, text: str) -> Tokens:
        return require(self.backbone, TokenBackbone).tokens(text)

    def hooked(self, hook: Hook) -> AbstractContextManager[None]:
        return require(self.backbone, HookedBackbone).hooked(hook)

    def _counted(self, z_t: Latent, y: Prompt) -> tuple[Latent, Prompt]:
        """A forward now, and a backward whenever a gradient comes back to z_t, or to y alone."""
        self.passes.forwards += len(z_t)
        z_t, embedding = z_t.view_as(z_t), y.embedding.view_as(y.embedding)
        if z_t.requires_grad:
            z_t.register_hook(self.passes.count_backward)
        elif embedding.requires_grad:
            embedding.register_hook(self.passes.count_backward)
        return z_t, y.with_embedding(embedding)
