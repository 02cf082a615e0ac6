"""Images between tensors and 8-bit files."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image as PIL

from ids.core.tensors import Image, eight_bit


def to_pil(image: Image) -> PIL.Image:
    """RGB, rounded to 8 bits."""
    return PIL.fromarray((eight_bit(image) * 255).round().byte().permute(1, 2, 0).cpu().numpy())


def from_png(path: Path) -> Image:
    """An image that `to_pil` made and PNG kept."""
    with PIL.open(path, formats=["PNG"]) as image:
        pixels = np.asarray(image.convert("RGB")).copy()
    return (torch.from_numpy(pixels).permute(2, 0, 1).float() / 255).contiguous()
