"""How the networks of a backbone run on a device: memory layout, kernels, graphs, offloading.
Results depend on it by rounding alone.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from ids.backbones.autoencoder import KLAutoencoder
from ids.backbones.evaluation import (
    AttentionKernel,
    Compiled,
    Direct,
    Evaluation,
    PreferredAttention,
)
from ids.backbones.graphs import CudaRecorder, Graphs
from ids.backbones.latent_diffusion import (
    ClipText,
    LatentDiffusion,
    UNetDenoiser,
)
from ids.backbones.lean import Lean, can_be_lean
from ids.backbones.loaded import InMemory
from ids.backbones.offload import Idle
from ids.core.capabilities import VelocityBackbone
from ids.core.errors import ConfigError
from ids.core.protocols import Backbone, BackboneSource

NOTHING = {  # values of the engine's options that ask nothing of a network
    "graphs": (False, "auto"),
    "channels_last": (False, "auto"),
    "attention": ("auto",),
    "compile": (False,),
    "checkpointing": (False,),
    "offload": (False,),
}
Switch = bool | Literal["auto"]
HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Tuning:
    """The choices of `ids.run.Engine`, which documents them."""

    graphs: Switch
    channels_last: Switch
    attention: AttentionKernel
    compile: bool
    checkpointing: bool
    offload: bool


def check_tuning(source: BackboneSource, tuning: Tuning, name: str) -> None:
    """`ConfigError` for a choice that would have no effect on this backbone, as it is a rectified
    flow; one in memory is used as it was loaded. Reads no weights.
    """
    if VelocityBackbone not in source.gives or isinstance(source, InMemory):
        return
    for option, harmless in NOTHING.items():
        if (value := getattr(tuning, option)) not in harmless:
            raise ConfigError(
                f"engine.{option}: expected {str(harmless[-1]).lower()} with backbone={name}, "
                f"which the engine does not set up; got {str(value).lower()}; leave it out"
            )


def tune(backbone: Backbone, tuning: Tuning, device: torch.device) -> Backbone:
    """The backbone with its networks set up for the device; one that is no `LatentDiffusion` as it
    was. Its modules are changed: no other backbone may share them.
    """
    if not isinstance(backbone, LatentDiffusion):
        return backbone
    unet: Any = backbone.denoiser.unet
    autoencoder = backbone.autoencoder
    for network in (unet, getattr(autoencoder, "vae", None)):
        if network is not None and _is_channels_last(network, tuning, device):
            network.to(memory_format=torch.channels_last)
    if tuning.checkpointing:
        unet.enable_gradient_checkpointing()
    evaluation = _evaluation(backbone.denoiser, tuning, device)
    tuned = replace(backbone, denoiser=backbone.denoiser.evaluated_by(evaluation))
    return _offloaded(tuned, device) if tuning.offload else tuned


def _is_channels_last(network: Any, tuning: Tuning, device: torch.device) -> bool:
    """`auto`: the tensor cores of a GPU take half precision in this layout."""
    if tuning.channels_last == "auto":
        return device.type == "cuda" and network.dtype in HALF
    return tuning.channels_last


def _evaluation(denoiser: UNetDenoiser, tuning: Tuning, device: torch.device) -> Evaluation:
    """From the inside out: the graph of a compiled network, with its attention kernel."""
    unet: Any = denoiser.unet
    evaluation: Evaluation = Direct(unet)
    if tuning.compile:
        evaluation = Compiled(Direct(torch.compile(unet)), evaluation)
    elif device.type == "cpu" and can_be_lean(unet):
        evaluation = Lean.of(unet, evaluation)
    if tuning.graphs and device.type == "cuda":
        always = tuning.graphs is True
        evaluation = Graphs(unet, evaluation, CudaRecorder(device), always)
    if tuning.attention != "auto":
        evaluation = PreferredAttention(evaluation, tuning.attention)
    return evaluation


def _offloaded(backbone: LatentDiffusion, device: torch.device) -> LatentDiffusion:
    """Text encoder and autoencoder on the device during their calls alone."""
    text, autoencoder = backbone.text, backbone.autoencoder
    if isinstance(text, ClipText):
        text = replace(text, encoder=Idle(text.encoder, device))
    if isinstance(autoencoder, KLAutoencoder):
        autoencoder = replace(autoencoder, vae=Idle(autoencoder.vae, device))
    return replace(backbone, text=text, autoencoder=autoencoder)
