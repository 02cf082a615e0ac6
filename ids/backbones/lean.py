"""The evaluation of Stable Diffusion's UNet without the bookkeeping of its modules: the same tensor
functions in the same order, so that results are equal bit by bit. On a CPU, the bookkeeping takes a
third of a small network's time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ids.backbones.attention import PLAIN
from ids.backbones.evaluation import Evaluation
from ids.backbones.text_keys import TextKeys, heads

CONFIGURATION = {  # of Stable Diffusion 1 and 2; other networks compute more, or otherwise
    "_class_name": ("UNet2DConditionModel",),
    "act_fn": ("silu", "swish"),
    "addition_embed_type": (None,),
    "attention_type": ("default",),
    "center_input_sample": (False,),
    "class_embed_type": (None,),
    "dual_cross_attention": (False,),
    "encoder_hid_dim_type": (None,),
    "mid_block_only_cross_attention": (None, False),
    "mid_block_type": ("UNetMidBlock2DCrossAttn",),
    "num_class_embeds": (None,),
    "only_cross_attention": (False,),
    "resnet_skip_time_act": (False,),
    "resnet_time_scale_shift": ("default",),
    "time_cond_proj_dim": (None,),
    "time_embedding_act_fn": (None,),
}
MODULES = {
    "UNet2DConditionModel",
    "Timesteps",
    "TimestepEmbedding",
    "ModuleList",
    "CrossAttnDownBlock2D",
    "DownBlock2D",
    "UNetMidBlock2DCrossAttn",
    "CrossAttnUpBlock2D",
    "UpBlock2D",
    "ResnetBlock2D",
    "Downsample2D",
    "Upsample2D",
    "Transformer2DModel",
    "BasicTransformerBlock",
    "Attention",
    "FeedForward",
    "GEGLU",
    "Conv2d",
    "Linear",
    "GroupNorm",
    "LayerNorm",
    "SiLU",
    "Dropout",
}
FIELDS: Mapping[str, Mapping[str, Any]] = {  # of these modules
    "ResnetBlock2D": {
        "time_embedding_norm": "default",
        "output_scale_factor": 1.0,
        "upsample": None,
        "downsample": None,
    },
    "BasicTransformerBlock": {"norm_type": "layer_norm", "pos_embed": None, "_chunk_size": None},
    "Attention": PLAIN,
}
Keys = Mapping[nn.Module, tuple[Tensor, Tensor]]


def can_be_lean(unet: Any) -> bool:
    """Is this a frozen UNet of Stable Diffusion's kind, whose modules `Lean` knows, without hooks,
    such as those of FreeU?
    """
    config = {"_class_name": type(unet).__name__, **getattr(unet, "config", {})}
    known = all(config.get(name, "") in values for name, values in CONFIGURATION.items())
    frozen = not unet.training and not any(p.requires_grad for p in unet.parameters())
    return known and frozen and all(map(_is_known, unet.modules()))


def _is_known(module: Any) -> bool:
    kind = type(module).__name__
    fields = all(getattr(module, n, v) == v for n, v in FIELDS.get(kind, {}).items())
    fused = kind != "Attention" or type(module.processor).__name__ == "AttnProcessor2_0"
    hooked = module._forward_pre_hooks or module._forward_hooks
    return kind in MODULES and fields and fused and not hooked


@dataclass(frozen=True)
class Lean:
    """Evaluates a UNet for which `can_be_lean` holds. Keys and values of the latest prompts
    are kept. Calls with hooks, whose modules have to run, are `direct`.
    """

    unet: Any = field(repr=False)
    direct: Evaluation
    keys: TextKeys

    @classmethod
    def of(cls, unet: Any, direct: Evaluation) -> "Lean":
        """Of this network."""
        cross = [m.attn2 for m in unet.modules() if type(m).__name__ == "BasicTransformerBlock"]
        return cls(unet, direct, TextKeys(cross))

    def __call__(self, z_t: Tensor, t: Tensor, text: Tensor, hooked: bool) -> Tensor:
        """As `Evaluation`."""
        if hooked:
            return self.direct(z_t, t, text, hooked)
        unet, keys = self.unet, self.keys(text)
        emb = F.silu(unet.time_embedding.forward(unet.get_time_embed(z_t, t)))
        h = unet.conv_in.forward(z_t)
        skips = [h]
        for block in unet.down_blocks:
            for layers in _layers(block):
                h = _layer(*layers, h, emb, keys)
                skips.append(h)
            for downsampler in block.downsamplers or ():
                h = downsampler.forward(h)
                skips.append(h)
        h = _middle(unet.mid_block, h, emb, keys)
        odd = any(side % 2**unet.num_upsamplers for side in z_t.shape[-2:])
        for block in unet.up_blocks:
            for layers in _layers(block):
                h = _layer(*layers, torch.cat([h, skips.pop()], dim=1), emb, keys)
            for upsampler in block.upsamplers or ():
                h = upsampler.forward(h, skips[-1].shape[2:] if odd else None)
        out: Tensor = unet.conv_out.forward(F.silu(unet.conv_norm_out.forward(h)))
        return out


def _layers(block: Any) -> Iterator[tuple[Any, Any]]:
    """Residual block and transformer, or None, of each layer."""
    return zip_longest(block.resnets, getattr(block, "attentions", ()))


def _layer(resnet: Any, transformer: Any, h: Tensor, emb: Tensor, keys: Keys) -> Tensor:
    h = _resnet(resnet, h, emb)
    return h if transformer is None else _transformer(transformer, h, keys)


def _middle(block: Any, h: Tensor, emb: Tensor, keys: Keys) -> Tensor:
    first, *others = block.resnets
    h = _resnet(first, h, emb)
    for transformer, resnet in zip(block.attentions, others, strict=True):
        h = _resnet(resnet, _transformer(transformer, h, keys), emb)
    return h


def _resnet(m: Any, x: Tensor, emb: Tensor) -> Tensor:
    """`emb` is activated."""
    h: Tensor = m.conv1.forward(F.silu(m.norm1.forward(x)))
    h = h + m.time_emb_proj.forward(emb)[:, :, None, None]
    h = m.conv2.forward(F.silu(m.norm2.forward(h)))
    shortcut = x if m.conv_shortcut is None else m.conv_shortcut.forward(x)
    return shortcut + h


def _transformer(m: Any, x: Tensor, keys: Keys) -> Tensor:
    b, _, height, width = x.shape
    h: Tensor = m.norm.forward(x)
    if not m.use_linear_projection:
        h = m.proj_in.forward(h)
    h = h.permute(0, 2, 3, 1).reshape(b, height * width, h.shape[1])
    if m.use_linear_projection:
        h = m.proj_in.forward(h)
    for block in m.transformer_blocks:
        h = _block(block, h, keys)
    if m.use_linear_projection:
        h = m.proj_out.forward(h)
    h = h.reshape(b, height, width, h.shape[2]).permute(0, 3, 1, 2).contiguous()
    if not m.use_linear_projection:
        h = m.proj_out.forward(h)
    return h + x


def _block(m: Any, h: Tensor, keys: Keys) -> Tensor:
    """Self-attention, attention to the text, and a gated layer."""
    x, attention = m.norm1.forward(h), m.attn1
    k, v = (heads(to.forward(x), attention) for to in (attention.to_k, attention.to_v))
    h = _attended(attention, x, k, v) + h
    h = _attended(m.attn2, m.norm2.forward(h), *keys[m.attn2]) + h
    gated, _, last = m.ff.net
    value, gate = gated.proj.forward(m.norm3.forward(h)).chunk(2, dim=-1)
    out: Tensor = last.forward(value * F.gelu(gate)) + h
    return out


def _attended(m: Any, x: Tensor, k: Tensor, v: Tensor) -> Tensor:
    h = F.scaled_dot_product_attention(heads(m.to_q.forward(x), m), k, v)
    out: Tensor = m.to_out[0].forward(h.transpose(1, 2).flatten(2))
    return out
