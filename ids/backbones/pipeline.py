"""A diffusers pipeline in memory as a backbone."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ids.backbones.autoencoder import KLAutoencoder
from ids.backbones.latent_diffusion import ClipText, LatentDiffusion, UNetDenoiser
from ids.backbones.model_kind import FLOW, another_kind, check_kind, kind_of_pipeline
from ids.backbones.noise_schedule import check_scheduler, noise_schedule, prediction_of
from ids.core.errors import UnsupportedError, WeightsError
from ids.core.weight_files import not_finite

NETWORKS = ("unet", "vae", "text_encoder")
PARTS = (*NETWORKS, "tokenizer", "scheduler")


def from_pipeline(pipe: Any, truncate: bool = False) -> LatentDiffusion:
    """The unet, vae, text encoder, tokenizer and noise schedule of a `StableDiffusionPipeline`
    (1.x or 2.x; any pipeline with these parts), on its device and in its precisions.

    No weights are copied and `pipe` is not changed: the backbone consists of copies of the modules
    that share the pipeline's tensors, in evaluation mode, frozen, with hooks of their own. Weights
    changed in place are changed in both. `truncate` cuts prompts that are too long.

    `UnsupportedError` for an object that is no such pipeline (Stable Diffusion 3 is read from a
    folder alone), or is offloaded or spread over devices; `WeightsError` for another model, parts
    of two models, or NaN weights.
    """
    where = f"backbone {type(pipe).__name__}"
    parts = _parts(pipe, where)
    configs = {name: _config(parts[name]) for name in (*NETWORKS, "scheduler")}
    check_kind(where, {name: configs[name] for name in NETWORKS})
    check_scheduler(configs["scheduler"], f"{where}: scheduler")
    _check_vocabulary(parts["tokenizer"], configs["text_encoder"], where)
    device = _device([parts[name] for name in NETWORKS], where)
    for name in NETWORKS:
        _check_weights(parts[name], f"{where}: {name}")
    unet, vae, text = (_sharing(parts[name]) for name in NETWORKS)
    schedule = noise_schedule(configs["scheduler"], f"{where}: scheduler").to(device)
    return LatentDiffusion(
        UNetDenoiser(unet, schedule, prediction_of(configs["scheduler"])),
        KLAutoencoder(vae),
        ClipText(parts["tokenizer"], text, truncate),
    )


def _parts(pipe: Any, where: str) -> dict[str, Any]:
    kind = kind_of_pipeline({"_class_name": type(pipe).__name__})
    if kind == FLOW:
        raise UnsupportedError(
            f"{where}: expected a Stable Diffusion 1.x or 2.x pipeline; got {FLOW}, which is read "
            "from a folder; call pipe.save_pretrained(FOLDER) and take StableDiffusion3(FOLDER)"
        )
    if getattr(pipe, "text_encoder_2", None) is not None:
        raise another_kind(where, kind or "a model with two text encoders", "it has text_encoder_2")
    parts = {name: getattr(pipe, name, None) for name in PARTS}
    if missing := [name for name, part in parts.items() if part is None]:
        raise UnsupportedError(
            f"{where}: expected a diffusers StableDiffusionPipeline with {', '.join(PARTS)}; "
            f"missing: {', '.join(missing)}{f' (this is {kind})' if kind else ''}; "
            "pass a Stable Diffusion 1.x or 2.x pipeline"
        )
    if not hasattr(parts["tokenizer"], "backend_tokenizer"):
        raise UnsupportedError(
            f"{where}: expected a CLIPTokenizer; got {type(parts['tokenizer']).__name__}; "
            "pass a Stable Diffusion 1.x or 2.x pipeline"
        )
    return {name: getattr(part, "_orig_mod", part) for name, part in parts.items()}  # not compiled


def _config(part: Any) -> dict[str, Any]:
    """Plain data, as in a model folder: lists for tuples."""
    if not hasattr(part, "to_json_string"):
        return dict(part.config.to_dict())  # of transformers
    config: Mapping[str, Any] = json.loads(part.to_json_string())
    return dict(config)


def _check_vocabulary(tokenizer: Any, text: Mapping[str, Any], where: str) -> None:
    largest, size = max(tokenizer.get_vocab().values()), text["vocab_size"]
    if largest >= size:
        raise WeightsError(
            f"{where}: expected token ids below the text encoder's vocab_size, {size}; the "
            f"tokenizer has {largest}; resize the token embeddings, or take the parts of one model"
        )


def _device(networks: list[nn.Module], where: str) -> torch.device:
    hooked = any(hasattr(m, "_hf_hook") for network in networks for m in network.modules())
    devices = {p.device for network in networks for p in network.parameters()}
    if hooked or len(devices) != 1 or torch.device("meta") in devices:
        got = "an offloaded pipeline" if hooked else ", ".join(sorted(map(str, devices)))
        raise UnsupportedError(
            f"{where}: expected unet, vae and text_encoder on one device; got {got}; "
            "load it without offloading and call pipe.to(device)"
        )
    return devices.pop()


def _check_weights(network: nn.Module, where: str) -> None:
    state = network.state_dict()
    odd = [name for name, p in network.named_parameters() if not p.is_floating_point()]
    if odd:
        raise UnsupportedError(
            f"{where}: expected floating-point weights; got {state[odd[0]].dtype} in {odd[0]}; "
            "load the pipeline without quantization"
        )
    if message := not_finite(state.items()):
        raise WeightsError(f"{where}: expected finite weights; {message}; load the pipeline again")


def _sharing(network: nn.Module) -> nn.Module:
    """A copy of the modules on the same memory, in evaluation mode and frozen: what is hooked or
    set here is not set in the pipeline, and no gradient reaches its weights.
    """
    shared: dict[int, Any] = {id(b): b for b in network.buffers()}
    for p in network.parameters():
        shared[id(p)] = nn.Parameter(p.detach(), requires_grad=False)
    return copy.deepcopy(network, shared).eval()
