"""A second representation: pixels, seen by two cameras."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ids.core.edit import SILENT, Preparing, View
from ids.core.protocols import Backbone
from ids.core.records import EditCase
from ids.core.rng import Randomness


class Pixels(nn.Module):
    """Images as they are, seen directly or in a mirror: two cameras, drawn per row and step."""

    def __init__(self, backbone: Backbone, cases: Sequence[EditCase]) -> None:
        super().__init__()
        self.backbone, self.cases = backbone, tuple(cases)
        self.source = torch.stack([case.source.load() for case in cases])
        self.x = nn.Parameter(self.source.clone())

    def view(self, rng: Randomness) -> View:
        mirrored = (rng.permutation("camera", 2)[:, 0] == 1).view(-1, 1, 1, 1)

        def seen(x: Tensor) -> Tensor:
            return self.backbone.encode(torch.where(mirrored, x.flip(3), x))

        return View(seen(self.source), lambda: seen(self.x))

    def shown(self) -> View:
        encode = self.backbone.encode
        return View(encode(self.source), lambda: encode(self.x))

    def images(self) -> Tensor:
        return self.x.detach()

    def save(self, folder: Path) -> None:
        torch.save(self.x.detach(), folder / "x.pt")


class PixelSpace:
    def identity(self) -> Mapping[str, str]:
        return {"representation": "pixels"}

    def open(
        self, backbone: Backbone, cases: Sequence[EditCase], listener: Preparing = SILENT
    ) -> Pixels:
        return Pixels(backbone, cases)
