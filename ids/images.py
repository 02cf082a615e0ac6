"""Images between float tensors and 8 bits: the one place where they are converted, rounded and
scaled. Tensors are RGB in [0, 1], channels first; arrays are uint8, channels last.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image as PIL
from torch import Tensor

from ids.core.tensors import Image

LEVELS = 255  # of 8 bits


def eight_bit(images: Float[Tensor, "*dims"]) -> Float[Tensor, "*dims"]:
    """Values as an image file stores them: clamped to [0, 1], in steps of 1/255."""
    return (images.clamp(0, 1) * LEVELS).round() / LEVELS


def to_array(image: Image) -> NDArray[np.uint8]:
    """[3, h, w] in [0, 1], on any device and in any precision, to uint8 [h, w, 3]."""
    levels = (eight_bit(image.detach().cpu().float()) * LEVELS).round().to(torch.uint8)
    array: NDArray[np.uint8] = levels.permute(1, 2, 0).numpy()
    return array


def from_array(pixels: NDArray[Any]) -> Image:
    """uint8 [h, w, 3] to [3, h, w] in [0, 1], copied; in memory its channels stay last."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / LEVELS


def digest_of_pixels(pixels: NDArray[Any]) -> str:
    """SHA-256 of the shape and the values of an 8-bit array, in hexadecimal."""
    shape = "x".join(map(str, pixels.shape))
    return hashlib.sha256(f"{shape}/".encode() + pixels.tobytes()).hexdigest()


def to_pil(image: Image) -> PIL.Image:
    """[3, h, w] in [0, 1] to an RGB image of 8 bits."""
    return PIL.fromarray(to_array(image))


def from_pil(image: PIL.Image) -> Image:
    """An image of any mode that Pillow converts to RGB, to [3, h, w] in [0, 1]. EXIF orientation,
    transparency and colour profile are ignored: `ids.data.image_of` handles those.
    """
    return from_array(np.asarray(image.convert("RGB"))).contiguous()


def from_png(file: Path) -> Image:
    """[3, h, w] in [0, 1]. `OSError` where the file is missing or no PNG."""
    with PIL.open(file, formats=["PNG"]) as image:
        return from_pil(image)
