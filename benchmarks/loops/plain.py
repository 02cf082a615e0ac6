"""The network as a plain modern loop runs it: fused attention, frozen weights, latents in float32
at least, features kept where they are, no waiting. Nothing clever.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ids.backbones.latent_diffusion import LatentDiffusion
from loops.network import Network, is_kept, shared_copy, tables_of


def plain(backbone: LatentDiffusion) -> Network:
    """On the weights of the backbone."""
    unet = shared_copy(backbone.denoiser.unet)
    dtype = torch.promote_types(unet.dtype, torch.float32)
    tables = tables_of(backbone.schedule, torch.device(unet.device))
    network = Network(unet, *tables, dtype, waits=False)
    for name, module in unet.named_modules():
        if is_kept(name):
            module.register_forward_hook(_keep(name, network.outputs))
    return network


def _keep(name: str, outputs: dict[str, Tensor]) -> Any:
    def hook(_: nn.Module, __: Any, out: Tensor) -> None:
        outputs[name] = out

    return hook
