"""Edits of smooth random images, in memory, with masks, true edits and prompts."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ids.core.records import EditCase, Edited
from ids.data import image_of, mask_of
from ids.data.memory_images import MemoryImage
from ids.run.edit import FinishedEdit

PROMPTS = ("a plain red circle", "a plain blue circle")  # of the embedded world: all CLIPs know it
LATENT = (4, 64, 64)


def make_edits(count: int, side: int, seed: int) -> list[FinishedEdit]:
    """Edits that no other seed gives."""
    rng = torch.Generator().manual_seed(seed)
    return [_edit(f"{seed}-{index}", side, rng) for index in range(count)]


def _edit(name: str, side: int, rng: torch.Generator) -> FinishedEdit:
    source, truth, edited = (_field(side, rng) for _ in range(3))
    photo = image_of(source, side)
    assert isinstance(photo, MemoryImage)
    marked = np.zeros((side, side), dtype=np.uint8)
    marked[side // 4 : side // 2, side // 4 : side // 2] = 255
    case = EditCase(name, photo, *PROMPTS, mask=mask_of(marked, photo), truth=image_of(truth, side))
    z_src, z_trg = (torch.randn(LATENT, generator=rng) for _ in range(2))
    return FinishedEdit(case, Edited(edited, z_src, z_trg), {}, {})


def _field(side: int, rng: torch.Generator) -> Tensor:
    """RGB [3, side, side] in [0, 1]."""
    coarse = torch.rand(1, 3, 16, 16, generator=rng)
    smooth = F.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)
    return smooth[0]
