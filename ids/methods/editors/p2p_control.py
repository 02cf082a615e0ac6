"""Prompt-to-Prompt inside the network: what is done to attention maps, and what they say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.errors import ConfigError
from ids.core.tensors import Latent
from ids.methods.editors.local_blend import LocalBlend, Size, scaled

Probs = Float[Tensor, "rows heads queries keys"]


class Plan(NamedTuple):
    """What becomes of a target's cross-attention, L tokens a prompt: where `taken`, the source's
    map @ `mix` + `own` * the target's, times `factor`. `marked` are the blend words of source and
    target.
    """

    mix: Float[Tensor, "*B L L"]
    own: Float[Tensor, "*B L"]
    factor: Float[Tensor, "*B L"]
    taken: Float[Tensor, "*B steps L"]
    marked: Float[Tensor, "*B 2 L"]


def stacked(plans: Sequence[Plan], like: Latent) -> Plan:
    """Of B cases, on the device and in the precision of their latents."""
    return Plan(*(torch.stack(parts).to(like) for parts in zip(*plans, strict=True)))


@dataclass
class Control:
    """The hook of a whole edit. Rows come in groups of B cases: null source and null target where
    there is guidance, source, target; the last are edited.

    Self-attention is the source's in the steps `selves`, on maps of at most `self_side` of the
    latent's sides.
    """

    plan: Plan
    crosses: Sequence[bool]  # by step: is cross-attention taken for any word that was named?
    selves: range
    self_side: float
    blend: LocalBlend | None
    size: Size
    step: int = 0
    held: bool = False  # has self-attention been met that is small enough?
    attended: list[Tensor] = field(default_factory=list)  # what blend words attend to, so far

    sites = "*.attn1.probs *.attn2.probs"

    def __post_init__(self) -> None:
        # Read once: asked of the device at every step, it would have to be waited for.
        self._worded = bool(self.plan.marked.any(2).all(1).any())

    def wants(self, site: str, n_queries: int) -> bool:
        """Decided by the setting alone: what batch mates ask for changes nothing."""
        if site.endswith("attn1.probs"):
            height, width = scaled(self.size, self.self_side)
            return self.step in self.selves and n_queries <= height * width
        return self.crosses[self.step] or self._blends(n_queries)

    def __call__(self, site: str, h: Probs) -> Probs:
        *null, source, target = h.split(len(self.plan.own))
        if site.endswith("attn1.probs"):
            target, self.held = source, True
        else:
            target = self._crossed(source, target)
            if self._blends(h.shape[2]):
                self.attended.append(self._seen(source, target))
        return torch.cat([*null, source, target])

    def blended(self, z: Latent) -> Latent:
        """Source and target latents after a step, the target kept to where blend words look.
        `ConfigError` where the network has no maps of the size to take, or to look at.
        """
        height, width = self.size
        if self.step in self.selves and not self.held:
            raise ConfigError(
                f"method.self_side: expected a share at which the network has self-attention; it "
                f"has none up to {self.self_side} of {height}x{width}; take 0.5 or 1.0, or "
                "method.self_share=0"
            )
        if self.blend is None or not self._worded:
            return z
        if not self.attended:
            wanted = "x".join(map(str, self.blend.map_size(self.size)))
            raise ConfigError(
                f"method.blend.side: expected a share at which the network has cross-attention; it "
                f"has none of {wanted} where latents have {height}x{width}; take 0.25 or 0.5, or "
                "method.blend=null"
            )
        self.attended = [torch.stack(self.attended).sum(0)]
        n_steps = self.plan.taken.shape[1] - 1
        worded = self.plan.marked.any(2).all(1)
        return self.blend(z, self.attended[0], self.step, n_steps, worded)

    def _crossed(self, source: Probs, target: Probs) -> Probs:
        mixed = torch.einsum("bhqs,bst->bhqt", source, self.plan.mix.to(source))
        own, factor, taken = (
            x[:, None, None].to(source)
            for x in (self.plan.own, self.plan.factor, self.plan.taken[:, self.step])
        )
        return (mixed + own * target) * factor * taken + target * (1 - taken)

    def _blends(self, n_queries: int) -> bool:
        if self.blend is None:
            return False
        height, width = self.blend.map_size(self.size)
        return n_queries == height * width

    def _seen(self, source: Probs, target: Probs) -> Float[Tensor, "B 2 queries"]:
        pairs = torch.stack([source, target], dim=1).to(self.plan.marked).mean(2)
        return torch.einsum("bpqt,bpt->bpq", pairs, self.plan.marked)
