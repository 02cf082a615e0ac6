"""Attention with its probabilities in the open, where a hook asks for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ids.core.capabilities import Hook

SUFFIX = ".probs"  # what names an attention's probabilities among the sites of a network


def attentions(network: nn.Module) -> dict[str, nn.Module]:
    """Site of the probabilities -> attention module. Known by what it can do: diffusers' class."""
    return {
        name + SUFFIX: module
        for name, module in network.named_modules()
        if hasattr(module, "get_attention_scores") and hasattr(module, "processor")
    }


@contextmanager
def opened(attention: Any, site: str, hook: Hook) -> Iterator[None]:
    """While it lasts, this attention's probabilities go through the hook."""
    fused = attention.processor
    attention.processor = _Opened(site, hook, fused)
    try:
        yield
    finally:
        attention.processor = fused


@dataclass(frozen=True)
class _Opened:
    """A diffusers attention processor: softmax(q k) handed to the hook as [B, heads, queries,
    keys], then applied. Where the hook does not want it, the fused one does the work.
    """

    site: str
    hook: Hook
    fused: Any

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **further: Any,
    ) -> Tensor:
        wants = getattr(self.hook, "wants", None)
        if wants is not None and not wants(self.site, hidden_states.shape[1]):
            fused: Tensor = self.fused(
                attn, hidden_states, encoder_hidden_states, attention_mask, **further
            )
            return fused
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)
        q, k, v = (attn.head_to_batch_dim(x) for x in (q, k, v))
        probs = attn.get_attention_scores(q, k, attention_mask)
        probs = self.hook(self.site, probs.unflatten(0, (-1, attn.heads)))
        out = attn.batch_to_head_dim(torch.bmm(probs.flatten(0, 1).to(v.dtype), v))
        for layer in attn.to_out:
            out = layer(out)
        given: Tensor = out
        return given
