"""`ids doctor`: versions, device and weights of this machine, and how to repair what is broken."""

import importlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console

PACKAGES = (
    "torch",
    "torchvision",
    "diffusers",
    "transformers",
    "hydra-core",
    "wandb",
    "lpips",
    "open_clip_torch",
    "numpy",
)


def examine() -> int:
    """Print a line per finding, on versions, device, weights and presets. 1 if the installation is
    broken; files that are missing for some presets are listed, and are no error.
    """
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"python          {platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        console.print(f"{package:15} {_version(package)}")
    troubles = [*_torch_trouble(), *_weights(console)]
    _device(console)
    lacking = [] if troubles else _presets(console)
    for trouble in troubles:
        console.print(f"to repair: {trouble}", markup=False)
    if lacking:
        console.print(f"ready, except for presets with missing files: {', '.join(lacking)}")
    elif not troubles:
        console.print("all well")
    return int(bool(troubles))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _torch_trouble() -> list[str]:
    try:
        importlib.import_module("torch")
    except ImportError as error:
        return [f"torch cannot be imported ({error}); install it again"]
    try:
        importlib.import_module("torchvision")
    except Exception as error:  # the operators of a mismatched build fail in several ways
        return [
            f"torchvision does not fit torch {_version('torch')} ({str(error).splitlines()[0]}); "
            "install both together, from one kind of build: "
            "pip install --force-reinstall torch torchvision"
        ]
    return []


def _device(console: Console) -> None:
    try:
        import torch
    except ImportError:
        return
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            console.print(
                f"device          cuda:{index} {properties.name}, "
                f"{properties.total_memory / 2**30:.0f} GiB"
            )
    else:
        console.print(
            f"device          cpu, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
        )


def _weights(console: Console) -> list[str]:
    from ids.shapes import WEIGHTS

    files = sorted(WEIGHTS.rglob("*.safetensors"))
    if files:
        size = sum(file.stat().st_size for file in files) / 1e6
        console.print(f"shapes          {len(files)} weight files, {size:.1f} MB, in {WEIGHTS}")
    hub = Path(
        os.environ.get("HF_HUB_CACHE")
        or Path(os.environ.get("HF_HOME") or "~/.cache/huggingface") / "hub"
    )
    hub = hub.expanduser()
    cached = sorted(
        folder.name.removeprefix("models--").replace("--", "/") for folder in hub.glob("models--*")
    )
    console.print(f"hub cache       {hub}: {', '.join(cached) or 'empty'}")
    return [] if files else [f"no shapes weights in {WEIGHTS}; `make shapes` trains them"]


def _presets(console: Console) -> list[str]:
    """One line per option of the groups that need files; those that miss some."""
    from ids.doctor.presets import summarize_presets

    summaries = dict(summarize_presets())
    width = max(map(len, summaries))
    for words, message in summaries.items():
        console.print(f"{words:{width}} {message or 'all files are found'}", markup=False)
    return [words for words, message in summaries.items() if message]
