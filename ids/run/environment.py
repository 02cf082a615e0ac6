"""The environment of a result: engine, Python, commit, package versions."""

import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ids.run.records import Environment

PACKAGES = (
    "torch",
    "torchvision",
    "diffusers",
    "transformers",
    "lpips",
    "open_clip_torch",
    "timm",
    "numpy",
    "pillow",
    "hydra-core",
    "wandb",
)

HERE = Path(__file__).parent


def environment(engine: Mapping[str, str | int]) -> Environment:
    """The environment of this process."""
    return Environment(dict(engine), platform.python_version(), commit_of(HERE), versions())


@cache
def versions() -> dict[str, str]:
    """Versions of this package and of the installed packages that results depend on."""
    ids = sys.modules["ids"]  # not imported: it imports the layers above
    found = {"ids": str(ids.__version__)}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@cache
def commit_of(folder: Path) -> str | None:
    """The commit of the checkout that a folder belongs to, marked where it has changes; None for
    another folder.
    """
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude", "*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
