"""Images as latents of a backbone's autoencoder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from ids.core.edit import SILENT, Preparing, View
from ids.core.protocols import Backbone
from ids.core.records import EditCase, LazyImage
from ids.core.rng import Randomness
from ids.core.tensors import Images, Latent


class LatentImage:
    """B images as latents [B, C, H, W]: a `LatentSubject`. `z_src` is constant; `z_trg` starts as
    its copy and is the only parameter.
    """

    def __init__(
        self, z_src: Latent, cases: Sequence[EditCase], decode: Callable[[Latent], Images]
    ) -> None:
        self.cases = tuple(cases)
        self.z_src = z_src
        self.z_trg = nn.Parameter(z_src.clone())
        self.decode = decode

    def parameters(self) -> list[nn.Parameter]:
        """`z_trg` alone."""
        return [self.z_trg]

    def view(self, rng: Randomness) -> View:
        """The latents themselves, whatever `rng`."""
        return self.shown()

    def shown(self) -> View:
        """The latents themselves."""
        return View(self.z_src, lambda: self.z_trg)

    def images(self) -> Images:
        """`z_trg`, decoded."""
        return self.decode(self.z_trg.detach())

    def save(self, folder: Path) -> None:
        """Write `z_src` and `z_trg` to folder/latents.safetensors."""
        latents = {"z_src": self.z_src, "z_trg": self.z_trg}
        tensors = {name: z.detach().cpu().contiguous() for name, z in latents.items()}
        save_file(tensors, folder / "latents.safetensors")


@dataclass(frozen=True)
class LatentSpace:
    """The `Representation` of images as latents."""

    def identity(self) -> Mapping[str, str]:
        """Empty: results are keyed by backbone and method alone."""
        return {}

    def open(
        self, backbone: Backbone, cases: Sequence[EditCase], listener: Preparing = SILENT
    ) -> LatentImage:
        """The encoded source images, one row per case."""
        z_src = torch.cat([encode(backbone, case.source) for case in cases])
        return LatentImage(z_src, cases, backbone.decode)


def encode(backbone: Backbone, image: LazyImage) -> Latent:
    """One image as a latent [1, C, H, W], encoded alone so that its latent does not depend on the
    batch.
    """
    return backbone.encode(image.load().unsqueeze(0))
