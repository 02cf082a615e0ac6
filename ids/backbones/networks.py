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
T5_FIELDS = (
    "vocab_size",
    "d_model",
    "d_kv",
    "d_ff",
    "num_layers",
    "num_heads",
    "relative_attention_num_buckets",
    "relative_attention_max_distance",
    "layer_norm_epsilon",
    "feed_forward_proj",
    "pad_token_id",
)
CLIP, PROJECTED, T5 = "CLIPTextModel", "CLIPTextModelWithProjection", "T5EncoderModel"
TIED = {"encoder.embed_tokens.weight": "shared.weight"}  # of T5: two names of one tensor
FLOAT32 = {T5: ".wo.weight"}  # kept in it: half precision overflows there (transformers does so)
POOLED_AT = {
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 1,
}  # for an output that is not used
PREFIX = "text_model."  # of a text encoder's tensors in most files; newer files omit it
UNUSED = re.compile(  # tensors that no output of a text encoder depends on
    r"(embeddings\.position_ids|logit_scale|vision_model\..*|visual_projection\.weight)$"
)
PROJECTION = "text_projection.weight"  # the hidden states do not depend on it
OLD_ATTENTION = re.compile(r"\.(query|key|value|proj_attn)\.(weight|bias)$")
RENAMED = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def empty_network(kind: str, config: Mapping[str, Any], where: str) -> nn.Module:
    """The architecture on the meta device, without memory for its weights. `WeightsError` if the
    configuration describes none.
    """
    from accelerate import init_empty_weights

    try:
        with init_empty_weights():
            return _built(kind, config)
    except Exception as error:  # the libraries raise whatever a wrong entry leads to
        raise WeightsError(
            f"{where}: expected the configuration of a {kind}; it cannot be built "
            f"({one_line(error)}); download the folder again"
        ) from error


def fill_network(
    network: nn.Module, tensors: Iterable[tuple[str, Tensor]], dtype: torch.dtype, where: str
) -> nn.Module:
    """The network with all of these tensors, frozen, in evaluation mode. `ConfigError` if the
    precision cannot hold them.
    """
    kept = FLOAT32.get(type(network).__name__, "no tensor")
    state = {
        name: tensor.to(torch.float32 if name.endswith(kept) else dtype, copy=True)
        for name, tensor in tensors
    }
    names = network.state_dict()
    state |= {alias: state[name] for alias, name in TIED.items() if alias in names}
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


def tensor_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shapes of all its tensors by name; those of several names once."""
    state = network.state_dict()
    return {name: tuple(tensor.shape) for name, tensor in state.items() if name not in TIED}


def canonical_name(kind: str, stored: str, wanted: Mapping[str, object]) -> str:
    """The network's name for a stored tensor; empty for an unused one."""
    if kind == T5:
        return TIED.get(stored, stored)
    if kind in (CLIP, PROJECTED):
        bare = stored.removeprefix(PREFIX)
        if UNUSED.match(bare) or (kind == CLIP and bare == PROJECTION):
            return ""
        return next((name for name in (stored, PREFIX + bare, bare) if name in wanted), stored)
    renamed = OLD_ATTENTION.sub(lambda m: f".{RENAMED[m[1]]}.{m[2]}", stored)
    return renamed if stored not in wanted and renamed in wanted else stored


def _built(kind: str, config: Mapping[str, Any]) -> nn.Module:
    if kind in (CLIP, PROJECTED):
        return _clip(kind, config)
    if kind == T5:
        from transformers import T5Config, T5EncoderModel

        fields = {name: config[name] for name in T5_FIELDS if name in config}
        t5: nn.Module = T5EncoderModel(T5Config(**fields))
        return t5
    import diffusers

    network: nn.Module = getattr(diffusers, kind).from_config(dict(config))
    return network


def _clip(kind: str, config: Mapping[str, Any]) -> nn.Module:
    import transformers

    fields = {name: config[name] for name in TEXT_FIELDS if name in config} | POOLED_AT
    if kind == PROJECTED:  # its pooled output is used, at the end token
        names = ("projection_dim", "eos_token_id")
        fields |= {name: config[name] for name in names if name in config}
    encoder: nn.Module = getattr(transformers, kind)(transformers.CLIPTextConfig(**fields))
    return encoder
