"""The network as the released code of DDS, CDS and IDS runs it: attention by two matrix products
with its probabilities in memory, self-attention weights that require gradients, outputs of
self-attention kept, and a host that waits for the device.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ids.backbones.latent_diffusion import LatentDiffusion
from loops.network import Network, is_kept, shared_copy, tables_of

TRAINABLE = "*.attn1.*"


def released(backbone: LatentDiffusion) -> Network:
    """On the weights of the backbone. Latents have the network's precision."""
    unet = shared_copy(backbone.denoiser.unet, TRAINABLE)
    outputs: dict[str, Tensor] = {}
    for name, module in unet.named_modules():
        if hasattr(module, "processor"):
            module.processor = Unfused(name, outputs)
    alpha_bar, steps = tables_of(backbone.schedule, torch.device(unet.device))
    return Network(unet, alpha_bar.cpu(), steps.cpu(), unet.dtype, waits=True, outputs=outputs)


@dataclass(frozen=True)
class Unfused:
    """An attention processor that computes its probabilities."""

    name: str
    outputs: dict[str, Tensor] = field(repr=False)

    def __call__(
        self,
        attention: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        *_: Any,
        **__: Any,
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query = attention.head_to_batch_dim(attention.to_q(hidden_states))
        key = attention.head_to_batch_dim(attention.to_k(context))
        value = attention.head_to_batch_dim(attention.to_v(context))
        scores = attention.scale * torch.bmm(query, key.transpose(1, 2))
        mixed = attention.batch_to_head_dim(torch.bmm(scores.softmax(dim=-1), value))
        out: Tensor = attention.to_out[1](attention.to_out[0](mixed))
        if is_kept(self.name):
            self.outputs[self.name] = out
        return out
