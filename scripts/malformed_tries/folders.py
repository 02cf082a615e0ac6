"""The embedded Stable Diffusion as a folder, and changes that damage it."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from malformed_tries.place import Place
from malformed_tries.trying import Setup

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
Change = Callable[[Path], object]
Tensors = dict[str, torch.Tensor]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
MODEL = (*(f.rsplit("/", 1)[0] for f in (UNET, VAE, TEXT)), "tokenizer", "scheduler")


def model(*changes: Change) -> Setup:
    """The embedded Stable Diffusion in the folder `sd`, with changes."""

    def setup(place: Place) -> None:
        from ids.shapes import WEIGHTS

        for part in (*MODEL, "model_index.json"):
            source, copy = WEIGHTS / part, place.folder / "sd" / part
            if source.is_dir():
                shutil.copytree(source, copy)
            else:
                shutil.copy(source, copy)
        for change in changes:
            change(place.folder / "sd")

    return setup


def config(part: str, **entries: object) -> Change:
    """Set entries of a part's configuration; None removes one."""
    name = "scheduler_config.json" if part == "scheduler" else "config.json"
    return json_file(f"{part}/{name}", **entries)


def json_file(name: str, **entries: object) -> Change:
    def change(folder: Path) -> None:
        changed = json.loads((folder / name).read_text()) | entries
        (folder / name).write_text(json.dumps({k: v for k, v in changed.items() if v is not None}))

    return change


def tensors(name: str, edit: Callable[[Tensors], Tensors]) -> Change:
    def change(folder: Path) -> None:
        save_file(edit(load_file(folder / name)), folder / name, metadata={"format": "pt"})

    return change


def filled(name: str, tensor: str, value: float) -> Change:
    """One tensor of one value."""
    return tensors(name, lambda found: found | {tensor: torch.full_like(found[tensor], value)})


def content(name: str, raw: bytes) -> Change:
    return lambda folder: (folder / name).write_bytes(raw)


def cut(name: str, at: int) -> Change:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:at])


def gone(name: str) -> Change:
    def change(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def both(*changes: Change) -> Change:
    return lambda folder: [change(folder) for change in changes]


def header(text: bytes) -> bytes:
    """A safetensors file of this JSON header."""
    return struct.pack("<Q", len(text)) + text + b"0000"


def pickled(folder: Path) -> None:
    (folder / UNET).unlink()
    torch.save({"conv_in.bias": torch.zeros(4)}, folder / "unet/diffusion_pytorch_model.bin")


def halved(folder: Path) -> None:
    for name in (UNET, VAE, TEXT):
        found = load_file(folder / name)
        half = (folder / name).with_suffix(".fp16.safetensors")
        save_file({n: x.half() for n, x in found.items()}, half, metadata={"format": "pt"})
        (folder / name).unlink()


def links(folder: Path) -> None:
    """As the hub's cache lays them out."""
    blobs = folder.parent / "blobs"
    blobs.mkdir()
    for number, file in enumerate(sorted(p for p in folder.rglob("*") if p.is_file())):
        file.symlink_to(file.rename(blobs / str(number)))
