"""Latents of source images: each is encoded once per backbone and kept in the store."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ids.run.numbers import Numbers

HEX = 64  # digits of the SHA-256 at the head of a file


@dataclass(frozen=True)
class Sources:
    """Latents [C, H, W] by `Job.source_name`, each in a file that begins with its checksum."""

    root: Path
    numbers: Numbers

    def get(self, name: str) -> Tensor | None:
        """The latent of a source; None where its file is missing or damaged."""
        with suppress(OSError, SafetensorError, KeyError):
            content = self._path(name).read_bytes()
            if hashlib.sha256(content[HEX:]).hexdigest().encode() == content[:HEX]:
                return load(content[HEX:])["z_src"]
        return None

    def put(self, name: str, z_src: Tensor, replace: bool = False) -> None:
        """Store the latent of a source, unless it exists and `replace` is False."""
        if replace or not self._path(name).exists():
            body = save({"z_src": z_src.contiguous()})
            self.numbers.write(self._path(name), hashlib.sha256(body).hexdigest().encode() + body)

    def _path(self, name: str) -> Path:
        return self.root / name[:2] / name
