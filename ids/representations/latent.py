"""Pictures in a backbone's latent space."""

from collections.abc import Sequence

import torch
from torch import nn

from ids.core.protocols import Backbone
from ids.core.records import EditCase, Picture
from ids.core.tensors import Latent


class LatentImage(nn.Module):
    """B pictures as latents. `z_src` stays; `z_trg` starts as its copy, and is what the optimizer
    moves.
    """

    def __init__(self, z_src: Latent, cases: Sequence[EditCase]) -> None:
        super().__init__()
        self.cases = tuple(cases)
        self.z_src = z_src
        self.z_trg = nn.Parameter(z_src.clone())


def encode(backbone: Backbone, picture: Picture, device: torch.device) -> Latent:
    """One picture as one row: encoded alone, so that batch mates cannot change a source."""
    return backbone.encode(picture.load().unsqueeze(0).to(device))
