"""Stable Diffusion 3 folders of the true architecture with small random networks."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from ids.shapes.caption import vocabulary


def write_tiny_sd3(folder: Path) -> None:
    """Latents of 16 x 8 x 8 for images of 64 pixels; prompts of the embedded world's words, of 14
    tokens at most.
    """
    from diffusers import FlowMatchEulerDiscreteScheduler
    from transformers import CLIPTokenizer

    torch.manual_seed(0)
    words, merges = vocabulary()
    for k, (part, width) in enumerate({"text_encoder": 8, "text_encoder_2": 12}.items()):
        pad = {"pad_token": "!"} if k and "!" in words else {}
        tokenizer = CLIPTokenizer(vocab=words, merges=merges, model_max_length=16, **pad)
        tokenizer.save_pretrained(folder / ("tokenizer_2" if k else "tokenizer"))
        _clip(tokenizer, width).save_pretrained(folder / part)
    size = _write_t5_tokenizer(folder / "tokenizer_3", list(words))
    networks = {"transformer": _transformer(), "vae": _autoencoder(), "text_encoder_3": _t5(size)}
    for name, part in networks.items():
        part.save_pretrained(folder / name)
    FlowMatchEulerDiscreteScheduler(shift=3.0).save_pretrained(folder / "scheduler")


def _transformer() -> nn.Module:
    from diffusers import SD3Transformer2DModel

    return SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=16,
        out_channels=16,
        num_layers=2,
        num_attention_heads=2,
        attention_head_dim=16,
        joint_attention_dim=24,
        caption_projection_dim=32,
        pooled_projection_dim=10,
        pos_embed_max_size=8,
        qk_norm="rms_norm",
        dual_attention_layers=(0,),
    )


def _autoencoder() -> nn.Module:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 16, 16),
        latent_channels=16,
        norm_num_groups=8,
        sample_size=64,
        scaling_factor=1.5305,
        shift_factor=0.0609,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def _clip(tokenizer: Any, width: int) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    return CLIPTextModelWithProjection(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=16,
            projection_dim=width // 2,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _t5(size: int) -> nn.Module:
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            vocab_size=size,
            d_model=24,
            d_kv=8,
            d_ff=32,
            num_layers=2,
            num_heads=2,
            feed_forward_proj="gated-gelu",
        )
    )


def _write_t5_tokenizer(folder: Path, words: list[str]) -> int:
    """Words in T5's layout, the end token last; their number."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    known = {"<pad>": 0, "</s>": 1, "<unk>": 2}
    for word in words:
        known.setdefault(word.removesuffix("</w>"), len(known))
    engine = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    engine.pre_tokenizer = pre_tokenizers.Whitespace()
    engine.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    folder.mkdir(parents=True)
    engine.save(str(folder / "tokenizer.json"))
    return len(known)
