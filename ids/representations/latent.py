"""Images in a backbone's latent space."""

from collections.abc import Sequence

import torch
from torch import nn

from ids.core.protocols import Backbone
from ids.core.records import EditCase, LazyImage
from ids.core.tensors import Latent


class LatentImage(nn.Module):
    """B images as latents. `z_src` stays; `z_trg` starts as its copy, and is what the optimizer
    moves.
    """

    def __init__(self, z_src: Latent, cases: Sequence[EditCase]) -> None:
        super().__init__()
        self.cases = tuple(cases)
        self.z_src = z_src
        self.z_trg = nn.Parameter(z_src.clone())


def encode(backbone: Backbone, image: LazyImage, device: torch.device) -> Latent:
    """One image as one row: encoded alone, so that batch mates cannot change a source."""
    return backbone.encode(image.load().unsqueeze(0).to(device))
