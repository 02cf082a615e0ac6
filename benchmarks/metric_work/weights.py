"""Files of random weights in the formats that metrics read, for networks of true size."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

WIDTH, DEPTH, PATCH, SIDE = 768, 12, 8, 224  # of DINO's ViT-B/8


def random_weights(node: dict[str, Any], folder: Path) -> None:
    """Point a metric's fields that name weights to files in `folder`, made at the first use."""
    if "backbone" in node:
        node["backbone"] = str(_torchvision(str(node.get("net", "squeeze")), folder))
    clip = node.get("clip")
    if isinstance(clip, dict) and clip.get("model") not in (None, "shapes"):
        clip["checkpoint"] = str(_open_clip(str(clip["model"]), folder))
    if isinstance(node.get("dino"), dict):
        node["dino"]["weights"] = str(_dino(folder))


def _torchvision(net: str, folder: Path) -> Path:
    """The network under LPIPS' heads, named by its hash."""
    if found := sorted(folder.glob(f"{net}-*.pth")):
        return found[0]
    from torchvision.models import alexnet, squeezenet1_1, vgg16

    network = {"alex": alexnet, "vgg": vgg16, "squeeze": squeezenet1_1}[net](weights=None)
    file = folder / f"{net}.pth"
    torch.save(network.state_dict(), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return file.rename(folder / f"{net}-{digest[:8]}.pth")


def _open_clip(model: str, folder: Path) -> Path:
    file = folder / f"{model}.safetensors"
    if not file.exists():
        import open_clip

        network = open_clip.create_model(model, load_weights=False, pretrained_text=False)
        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, file)
    return file


def _dino(folder: Path) -> Path:
    file = folder / "dino_vitbase8.pth"
    if not file.exists():
        torch.manual_seed(0)
        torch.save({name: 0.02 * torch.randn(shape) for name, shape in _vit()}, file)
    return file


def _vit() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of facebookresearch/dino's vision transformer."""
    yield "cls_token", (1, 1, WIDTH)
    yield "pos_embed", (1, (SIDE // PATCH) ** 2 + 1, WIDTH)
    yield from _layer("patch_embed.proj", (WIDTH, 3, PATCH, PATCH))
    for index in range(DEPTH):
        block = f"blocks.{index}"
        for name in ("norm1", "norm2"):
            yield from _layer(f"{block}.{name}", (WIDTH,))
        yield from _layer(f"{block}.attn.qkv", (3 * WIDTH, WIDTH))
        yield from _layer(f"{block}.attn.proj", (WIDTH, WIDTH))
        yield from _layer(f"{block}.mlp.fc1", (4 * WIDTH, WIDTH))
        yield from _layer(f"{block}.mlp.fc2", (WIDTH, 4 * WIDTH))
    yield from _layer("norm", (WIDTH,))


def _layer(name: str, shape: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]
