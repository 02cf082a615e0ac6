"""Pictures in a backbone's latent space."""

from collections.abc import Sequence

import torch
from torch import nn

from ids.core.protocols import Backbone
from ids.core.records import EditCase
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

    @classmethod
    def encode(
        cls, backbone: Backbone, cases: Sequence[EditCase], device: torch.device
    ) -> "LatentImage":
        """The cases' pictures, one encoder call a row: batch mates cannot change a source."""
        rows = [backbone.encode(case.source.load().unsqueeze(0).to(device)) for case in cases]
        return cls(torch.cat(rows), cases)
