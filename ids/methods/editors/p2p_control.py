"""Prompt-to-Prompt inside the network: the hook that edits attention maps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ids.core.errors import ConfigError
from ids.core.tensors import Latent
from ids.methods.editors.local_blend import LocalBlend, Size, scaled

Probs = Float[Tensor, "rows heads queries keys"]


class Plan(NamedTuple):
    """The edit of a target's cross-attention, L tokens per prompt. In the steps and at the tokens
    that are `taken` (1), its maps become (source maps @ `mix` + `keep` * its maps) * `factor`.
    `marked` (1) are the blend words of source and target.
    """

    mix: Float[Tensor, "*B L L"]
    keep: Float[Tensor, "*B L"]
    factor: Float[Tensor, "*B L"]
    taken: Float[Tensor, "*B steps L"]
    marked: Float[Tensor, "*B 2 L"]


def stack_plans(plans: Sequence[Plan], like: Latent) -> Plan:
    """The plans of B cases as one, on the device and in the dtype of their latents."""
    return Plan(*(torch.stack(parts).to(like) for parts in zip(*plans, strict=True)))


@dataclass
class Control:
    """The hook of a whole edit. Rows come in groups of B cases: null source and null target if
    there is guidance, source, target; the last group is edited.

    In the steps `selves`, self-attention is the source's on maps of at most `self_side` of the
    latent's sides. `crosses`: by step, is cross-attention edited for any word?
    """

    plan: Plan
    crosses: Sequence[bool]
    selves: range
    self_side: float
    blend: LocalBlend | None
    size: Size
    step: int = 0
    self_found: bool = False  # has the network self-attention of at most that size?
    attended: list[Tensor] = field(default_factory=list)  # attention to the blend words, so far

    sites: ClassVar[str] = "*.attn1.probs *.attn2.probs"

    def __post_init__(self) -> None:
        # Read from the device once: a read per step would synchronize it.
        self._worded = bool(self.plan.marked.any(2).all(1).any())

    def wants(self, site: str, n_queries: int) -> bool:
        """Whether these probabilities are edited or observed. Depends on the settings alone, not on
        the cases, so that a case's result does not depend on its batch.
        """
        if site.endswith("attn1.probs"):
            height, width = scaled(self.size, self.self_side)
            return self.step in self.selves and n_queries <= height * width
        return self.crosses[self.step] or self._blends(n_queries)

    def __call__(self, site: str, h: Probs) -> Probs:
        """The edited probabilities. Cross-attention at the blend's size is observed."""
        *null, source, target = h.split(len(self.plan.keep))
        if site.endswith("attn1.probs"):
            target, self.self_found = source, True
        else:
            target = self._crossed(source, target)
            if self._blends(h.shape[2]):
                self.attended.append(self._attention(source, target))
        return torch.cat([*null, source, target])

    def blended(self, z: Latent) -> Latent:
        """Source and target latents [2B, C, H, W] after a step, the target's change restricted to
        where the blend words attend. `ConfigError` if the network has no maps of the size that
        `self_side` or the blend needs.
        """
        height, width = self.size
        if self.step in self.selves and not self.self_found:
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
        keep, factor, taken = (
            x[:, None, None].to(source)
            for x in (self.plan.keep, self.plan.factor, self.plan.taken[:, self.step])
        )
        return (mixed + keep * target) * factor * taken + target * (1 - taken)

    def _blends(self, n_queries: int) -> bool:
        if self.blend is None:
            return False
        height, width = self.blend.map_size(self.size)
        return n_queries == height * width

    def _attention(self, source: Probs, target: Probs) -> Float[Tensor, "B 2 queries"]:
        """To the blend words of source and target, averaged over heads."""
        pairs = torch.stack([source, target], dim=1).to(self.plan.marked).mean(2)
        return torch.einsum("bpqt,bpt->bpq", pairs, self.plan.marked)
