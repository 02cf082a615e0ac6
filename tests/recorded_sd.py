"""The recordings' small network of Stable Diffusion's topology, and edits on it in float64."""

import torch
from conftest import GOLDEN
from golden_replay.recording import Golden
from torch import Tensor

from ids.core.edit import EditContext, Editor
from ids.core.protocols import Backbone
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.representations import LatentImage

SD = Golden(GOLDEN).backbone(torch.float64, "sd4")  # it knows the prompts source and target
UNET = SD.denoiser.unet


def case(name: str, source: str = "source", target: str = "target", **words: object) -> EditCase:
    return EditCase(name, Shapes(count=1)[0].source, source, target, **words)  # type: ignore[arg-type]


def normal(rows: int, seed: int, channels: int = 4, size: tuple[int, int] = (8, 8)) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(rows, channels, *size, dtype=torch.float64, generator=rng)


def edited(
    edit: Editor, z: Tensor, cases: list[EditCase], backbone: Backbone = SD, seed: int = 0
) -> Tensor:
    subject = LatentImage(z, cases, backbone.decode)
    edit(EditContext(backbone, Streams.of(seed, [c.id for c in cases])), subject)
    return subject.z_trg.detach()


def check_rows(edit: Editor, cases: list[EditCase]) -> None:
    """Each row of a batch equals the same row edited alone."""
    z = normal(len(cases), 2)
    together = edited(edit, z, cases)
    for row in range(len(cases)):
        alone = edited(edit, z[row : row + 1], cases[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-9, atol=1e-10)


def hooks() -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in UNET.modules())
