"""The identity of a changed model folder, or the error that refuses it."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from ids.backbones import StableDiffusion
from ids.core.errors import WeightsError

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
Change = Callable[[Path], object]


def identity(folder: Path) -> str:
    return StableDiffusion(str(folder)).identity()["weights"]


def refusal(folder: Path) -> str:
    """The one-line error before the first edit."""
    with pytest.raises(WeightsError) as raised:
        identity(folder)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def config(part: str, **entries: object) -> Change:
    """Set entries of a part's configuration; None removes one."""

    def change(folder: Path) -> None:
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        file = folder / part / name
        changed = json.loads(file.read_text()) | entries
        file.write_text(json.dumps({k: v for k, v in changed.items() if v is not None}))

    return change


def tensors(name: str, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    def change(folder: Path) -> None:
        found = load_file(folder / name)
        save_file(edit(found), folder / name, metadata={"format": "pt"})

    return change


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda found: {n: x for n, x in found.items() if name not in n}


def content(name: str, content: bytes) -> Change:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str, at: int) -> Change:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:at])


def header(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text + b"0000"
