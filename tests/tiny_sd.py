"""Stable Diffusion folders of the true topology with small random networks."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from ids.shapes.caption import vocabulary


def write_tiny_sd(
    folder: Path, prediction: str = "epsilon", tokenizer_folder: Path | None = None
) -> None:
    """Latents of 4 x 8 x 8 for images of 64 pixels; prompts of the embedded world's words, of 14
    tokens at most, or those of another tokenizer.
    """
    from diffusers import DDPMScheduler
    from transformers import CLIPTokenizer

    torch.manual_seed(0)
    if tokenizer_folder is None:
        words, merges = vocabulary()
        tokenizer = CLIPTokenizer(vocab=words, merges=merges, model_max_length=16)
    else:
        tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder)
    unet, vae = _unet(), _autoencoder()
    for name, part in {"unet": unet, "vae": vae, "text_encoder": _text(tokenizer)}.items():
        part.save_pretrained(folder / name)
    tokenizer.save_pretrained(folder / "tokenizer")
    scheduler = DDPMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction,
    )
    scheduler.save_pretrained(folder / "scheduler")


def _unet() -> nn.Module:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 16, 32, 32),
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        layers_per_block=2,
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=8,
    )


def _autoencoder() -> nn.Module:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 16, 16),
        latent_channels=4,
        norm_num_groups=8,
        sample_size=64,
    )


def _text(tokenizer: Any) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=tokenizer.model_max_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
