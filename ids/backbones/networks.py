"""The networks of a diffusers folder, built from their configurations and filled with its tensors.
No tensor keeps its random initial value.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ids.core.errors import ConfigError, WeightsError
from ids.core.weight_files import not_finite, one_line

CLASSES = {
    "unet": "UNet2DConditionModel",
    "vae": "AutoencoderKL",
    "text_encoder": "CLIPTextModel",
}
TEXT_FIELDS = (  # the architecture of a text encoder; its other entries have no effect
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
    "hidden_act",
    "layer_norm_eps",
)
POOLED_AT = {
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 1,
}  # for an output that is not used
PREFIX = "text_model."  # of a text encoder's tensors in most files; newer files omit it
UNUSED = re.compile(  # tensors that the text encoder's hidden states do not depend on
    r"(embeddings\.position_ids|text_projection\.weight|logit_scale|vision_model\..*"
    r"|visual_projection\.weight)$"
)
OLD_ATTENTION = re.compile(r"\.(query|key|value|proj_attn)\.(weight|bias)$")
RENAMED = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def empty_network(part: str, config: Mapping[str, Any], where: str) -> nn.Module:
    """The architecture on the meta device, without memory for its weights. `WeightsError` if the
    configuration describes none.
    """
    from accelerate import init_empty_weights

    try:
        with init_empty_weights():
            return _built(part, config)
    except Exception as error:  # the libraries raise whatever a wrong entry leads to
        raise WeightsError(
            f"{where}: expected the configuration of a {CLASSES[part]}; it cannot be built "
            f"({one_line(error)}); download the folder again"
        ) from error


def fill_network(
    network: nn.Module, tensors: Iterable[tuple[str, Tensor]], dtype: torch.dtype, where: str
) -> nn.Module:
    """The network with all of these tensors, frozen, in evaluation mode. `ConfigError` if the
    precision cannot hold them.
    """
    state = {name: tensor.to(dtype, copy=True) for name, tensor in tensors}
    if dtype is torch.float16 and (fault := not_finite(state.items())):
        raise ConfigError(
            f"backbone.precision: expected one that holds the weights of {where}; in fp16 {fault}; "
            "set backbone.precision=fp32"
        )
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:  # the files have changed since they were checked
        raise WeightsError(
            f"{where}: expected its tensors; {one_line(error)}; run the command again"
        ) from error
    return network.eval().requires_grad_(False)


def canonical_name(part: str, stored: str, wanted: Mapping[str, object]) -> str:
    """The network's name for a stored tensor; empty for an unused one."""
    if part == "text_encoder":
        bare = stored.removeprefix(PREFIX)
        if UNUSED.match(bare):
            return ""
        return next((name for name in (stored, PREFIX + bare, bare) if name in wanted), stored)
    renamed = OLD_ATTENTION.sub(lambda m: f".{RENAMED[m[1]]}.{m[2]}", stored)
    return renamed if stored not in wanted and renamed in wanted else stored


def _built(part: str, config: Mapping[str, Any]) -> nn.Module:
    if part == "text_encoder":
        from transformers import CLIPTextConfig, CLIPTextModel

        fields = {name: config[name] for name in TEXT_FIELDS if name in config}
        encoder: nn.Module = CLIPTextModel(CLIPTextConfig(**fields, **POOLED_AT))
        return encoder
    import diffusers

    network: nn.Module = getattr(diffusers, CLASSES[part]).from_config(dict(config))
    return network
