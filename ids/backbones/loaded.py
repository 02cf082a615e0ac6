"""A backbone that is loaded already, as the source that experiments take."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ids.backbones.latent_diffusion import LatentDiffusion
from ids.core.capabilities import NAMES
from ids.core.errors import ConfigError, UnsupportedError
from ids.core.protocols import Backbone

LABELS = ("architectures", "dtype", "torch_dtype", "transformers_version")  # decide no number
REFERENCE_SIZE = 16384  # elements of a 4 x 64 x 64 latent, for which FPR's lambda was released


@dataclass(frozen=True, eq=False)
class InMemory:
    """A `BackboneSource` of a loaded backbone. `image_size` is the side, in pixels, of the images
    that data sets give it; `fpr_scale` is FPR's lambda at the size of their latents.
    """

    backbone: Backbone
    image_size: int
    fpr_scale: float

    @property
    def gives(self) -> frozenset[type]:
        """The capabilities that the backbone or its schedule has."""
        parts = (self.backbone, self.backbone.schedule)
        return frozenset(c for c in NAMES if any(isinstance(part, c) for part in parts))

    @property
    def device(self) -> torch.device | None:
        """The device of its first tensor; None without tensors."""
        return next((tensor.device for tensor in _tensors(self.backbone)), None)

    def identity(self) -> Mapping[str, str]:
        """A digest of all weights and settings, computed once: after the weights have been changed,
        make another source. `UnsupportedError` if a part's content cannot be read.
        """
        return {"weights": self._weights}

    def load(self, device: torch.device) -> Backbone:
        """The backbone. `ConfigError` if it is on another device: the caller's modules are not
        moved.
        """
        found = self.device or device
        if found.type != device.type or (device.index or 0) != (found.index or 0):
            raise ConfigError(
                f"engine.device: expected the device of the backbone in memory, {found}; got "
                f"{device}; set engine.device={found}, or move the backbone"
            )
        return self.backbone

    @cached_property
    def _weights(self) -> str:
        return weights_id(self.backbone)


def in_memory(backbone: Backbone, image_size: int | None = None) -> InMemory:
    """The source of a loaded backbone. Its image size is that of its UNet's training
    (`sample_size` of its configuration) if none is given, and lambda = sqrt(d / 16384) for latents
    of d elements. `ConfigError` if the size is not known.
    """
    unet, autoencoder = _latent_parts(backbone)
    config, factor = getattr(unet, "config", None), getattr(autoencoder, "factor", 1)
    if image_size is None:
        image_size = _trained_side(config) * factor
    channels = getattr(config, "in_channels", 3)
    n_elements = channels * (image_size // factor) ** 2
    return InMemory(backbone, image_size, (n_elements / REFERENCE_SIZE) ** 0.5)


def weights_id(backbone: object) -> str:
    """SHA-256, in 16 hexadecimal digits, of everything a backbone's numbers depend on: all tensors
    of its networks by name, type and value, their configurations, schedule, vocabulary and
    settings. Equal content gives equal digests, from whatever file it was loaded.
    """
    total = hashlib.sha256()
    for name, fact in _facts(backbone, ""):
        total.update(f"{name}=".encode())
        for piece in fact if isinstance(fact, tuple) else (fact,):
            total.update(_bytes(piece))
    return total.hexdigest()[:16]


def _latent_parts(backbone: Backbone) -> tuple[object, object]:
    if isinstance(backbone, LatentDiffusion):
        return backbone.denoiser.unet, backbone.autoencoder
    return None, None


def _trained_side(config: Any) -> int:
    """Of the latents, in their elements."""
    side = getattr(config, "sample_size", None)
    if isinstance(side, list | tuple):
        side = side[0] if len(set(side)) == 1 else None
    if type(side) is not int or side < 1:
        raise ConfigError(
            "backbone.image_size: expected a number of pixels; the backbone in memory has no "
            "square unet.config.sample_size; pass image_size"
        )
    return side


def _facts(part: object, at: str) -> Iterator[tuple[str, Any]]:
    """Name and value of everything that decides the numbers of a part."""
    if isinstance(part, nn.Module):
        yield f"{at}:class", type(part).__qualname__
        yield f"{at}:config", json.dumps(_settings(part), sort_keys=True, default=str)
        for name, tensor in sorted(part.state_dict().items()):
            yield f"{at}.{name}", (str(tensor.dtype), str(list(tensor.shape)), tensor)
    elif dataclasses.is_dataclass(part):
        yield f"{at}:class", type(part).__qualname__
        for field in dataclasses.fields(part):
            if not field.name.startswith("_"):  # private fields hold what was computed
                yield from _facts(getattr(part, field.name), f"{at}.{field.name}")
    elif hasattr(part, "backend_tokenizer"):
        tokenizer: Any = part
        length = tokenizer.model_max_length
        yield at, (tokenizer.backend_tokenizer.to_str(), f"{length} {tokenizer.special_tokens_map}")
    elif isinstance(part, Tensor):
        yield at, (str(part.dtype), str(list(part.shape)), part)
    elif isinstance(part, torch.device):
        return  # decides where, not what
    elif isinstance(part, str | int | float | bool | torch.dtype | None):
        yield at, repr(part)
    else:
        raise UnsupportedError(
            f"backbone in memory: expected parts that are torch modules, dataclasses, tensors or "
            f"plain values; got {type(part).__name__} at {at.lstrip('.') or 'its root'}; "
            "make it a dataclass, or give a BackboneSource with an identity"
        )


def _settings(network: nn.Module) -> dict[str, Any]:
    config: Any = getattr(network, "config", None)
    found = config.to_dict() if hasattr(config, "to_dict") else dict(config or {})
    return {k: v for k, v in found.items() if not k.startswith("_") and k not in LABELS}


def _tensors(part: object) -> Iterator[Tensor]:
    for _, fact in _facts(part, ""):
        for piece in fact if isinstance(fact, tuple) else ():
            if isinstance(piece, Tensor):
                yield piece


def _bytes(piece: str | Tensor) -> Any:
    if isinstance(piece, str):
        return piece.encode()
    flat = piece.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data
