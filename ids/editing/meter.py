"""Counting network passes, in samples."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ids.core.protocols import Backbone, Schedule
from ids.core.tensors import Images, Latent, Prompt, Timestep


@dataclass
class Passes:
    """A running count: `forwards` and `backwards` of one sample each. Guidance makes two samples of
    one latent.
    """

    forwards: int = 0
    backwards: int = 0

    def count_backward(self, gradient: Tensor) -> None:
        self.backwards += len(gradient)


@dataclass(frozen=True)
class Metered:
    """A backbone that counts what is asked of it."""

    backbone: Backbone
    passes: Passes = field(default_factory=Passes)

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
        eps = self.backbone.eps(z_t, y, t)
        self.passes.forwards += len(z_t)
        if eps.requires_grad:
            eps.register_hook(self.passes.count_backward)
        return eps
