"""The identity of a changed model folder, or the error that refuses it; names of older folders."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from malformed_tries.folders import TEXT, VAE, tensors

from ids.backbones import StableDiffusion
from ids.core.errors import WeightsError


def identity(folder: Path) -> str:
    return StableDiffusion(str(folder)).identity()["weights"]


def refusal(folder: Path) -> str:
    """The one-line error before the first edit."""
    with pytest.raises(WeightsError) as raised:
        identity(folder)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda found: {n: x for n, x in found.items() if name not in n}


def with_older_names(folder: Path) -> None:
    """Tensors of text encoder and autoencoder as in folders of 2022: attention under other names,
    positions and a projection that are not read.
    """
    tensors(TEXT, _older_text)(folder)
    tensors(VAE, _older_vae)(folder)


def _older_text(found: dict[str, Any]) -> dict[str, Any]:
    extras = {"embeddings.position_ids": torch.arange(16)[None]}
    named = {f"text_model.{n}": x for n, x in (found | extras).items()}
    return named | {"text_projection.weight": torch.zeros(32, 32)}


def _older_vae(found: dict[str, Any]) -> dict[str, Any]:
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    new = {n: re.sub(r"to_[qkv]|to_out\.0", lambda m: old[m[0]], n) for n in found}
    assert sum(n != m for n, m in new.items()) == 16
    return {new[n]: x for n, x in found.items()}
