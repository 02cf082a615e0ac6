"""A small random UNet of Stable Diffusion's kind, and inputs for it."""

from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor


def network(**options: Any) -> Any:
    torch.manual_seed(0)
    levels = ("CrossAttnDownBlock2D", "DownBlock2D"), ("UpBlock2D", "CrossAttnUpBlock2D")
    given: dict[str, Any] = {
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": levels[0],
        "up_block_types": levels[1],
        "block_out_channels": (16, 32),
        "norm_num_groups": 8,
        "cross_attention_dim": 24,
        "layers_per_block": 1,
        "attention_head_dim": 4,
    }
    unet: Any = UNet2DConditionModel(**{**given, **options})
    return unet.eval().requires_grad_(False)


def inputs(rows: int = 3, side: int = 8) -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(rows)
    z, text = (torch.randn(rows, *s, generator=rng) for s in ((4, side, side), (5, 24)))
    return z, torch.linspace(20, 900, rows).long(), text
