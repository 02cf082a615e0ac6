"""Attention that hands its probabilities to hooks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ids.core.capabilities import Hook
from ids.core.errors import ConfigError

SUFFIX = ".probs"  # marks the probabilities of an attention among the sites of a network
PLAIN = {  # settings of diffusers' attention in Stable Diffusion 1 and 2; others compute more
    "group_norm": None,
    "spatial_norm": None,
    "norm_cross": None,
    "norm_q": None,
    "norm_k": None,
    "add_k_proj": None,
    "residual_connection": False,
    "rescale_output_factor": 1.0,
}


def attentions(network: nn.Module) -> dict[str, nn.Module]:
    """Site of the probabilities -> attention module, for every module with the methods of
    diffusers' `Attention`.
    """
    return {
        name + SUFFIX: module
        for name, module in network.named_modules()
        if hasattr(module, "get_attention_scores") and hasattr(module, "processor")
    }


@contextmanager
def open_attention(attention: Any, site: str, hook: Hook) -> Iterator[None]:
    """Pass this attention's probabilities through the hook while the `with` lasts, after the hooks
    that are active already. `ConfigError` if it computes more than softmax(q k) v.
    """
    before = attention.processor
    more = [name for name, value in PLAIN.items() if getattr(attention, name, value) != value]
    if isinstance(before, nn.Module) or more:
        raise ConfigError(
            f"sites: expected plain attention, as in Stable Diffusion; {site} has "
            f"{more[0] if more else type(before).__name__}; leave it out"
        )
    hooks = before.hooks if isinstance(before, _OpenAttention) else ()
    fused = before.fused if isinstance(before, _OpenAttention) else before
    attention.processor = _OpenAttention(site, (*hooks, hook), fused)
    try:
        yield
    finally:
        attention.processor = before


@dataclass(frozen=True)
class _OpenAttention:
    """A diffusers attention processor that passes softmax(q k) through the hooks as [B, heads,
    queries, keys]. If no hook wants it, the fused processor computes the result.
    """

    site: str
    hooks: tuple[Hook, ...]
    fused: Any

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **options: Any,
    ) -> Tensor:
        wanting = [hook for hook in self.hooks if self._wants(hook, hidden_states.shape[1])]
        if not wanting:
            fused: Tensor = self.fused(
                attn, hidden_states, encoder_hidden_states, attention_mask, **options
            )
            return fused
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)
        q, k, v = (attn.head_to_batch_dim(x) for x in (q, k, v))
        probs = attn.get_attention_scores(q, k, attention_mask).unflatten(0, (-1, attn.heads))
        for hook in wanting:
            probs = hook(self.site, probs)
        out = attn.batch_to_head_dim(torch.bmm(probs.flatten(0, 1).to(v.dtype), v))
        for layer in attn.to_out:
            out = layer(out)
        result: Tensor = out
        return result

    def _wants(self, hook: Hook, n_queries: int) -> bool:
        wants = getattr(hook, "wants", None)
        return wants is None or bool(wants(self.site, n_queries))
