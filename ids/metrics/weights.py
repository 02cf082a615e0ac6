"""Files that metrics stand on: what they contain, and where their networks run."""

import hashlib
from functools import cache
from pathlib import Path

import torch


@cache
def digest_of(file: Path) -> str:
    """SHA-256 of its content, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def judging_device() -> torch.device:
    """A GPU where there is one: a judge in float32 answers alike on both, up to rounding."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
