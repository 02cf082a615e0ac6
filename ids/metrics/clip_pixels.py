"""How an image becomes the input of a CLIP. Code differs in this, and so do scores."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from PIL import Image as PIL
from torch import Tensor
from torch.nn import functional as F

from ids.images import LEVELS, from_pil, to_array, to_pil
from ids.metrics.feature_cache import AnyImage

Pixels = Float[Tensor, "3 side side"]
Range = Literal["unit", "minus_one_to_one"]


@runtime_checkable
class ImageInput(Protocol):
    """The input that a network takes: `side` pixels square, normalized per channel."""

    @property
    def side(self) -> int: ...
    def normalize(self, image: AnyImage) -> AnyImage:
        """Minus the mean over the standard deviation of the network's training images."""
        ...


def pillow_bicubic(to: ImageInput, image: AnyImage) -> Pixels:
    """Shorter side to the network's by Pillow's bicubic filter on 8 bits, then the centre: OpenAI's
    preprocessing, as in open_clip, and in transformers before version 5.
    """
    height, width = _size(to, image)
    resized = to_pil(image).resize((width, height), PIL.Resampling.BICUBIC)
    return to.normalize(_centre(from_pil(resized), to.side))


def torch_bicubic(to: ImageInput, image: AnyImage) -> Pixels:
    """As `pillow_bicubic`, by torch's filter for 8-bit images, with antialiasing: transformers
    since version 5. (Its filter for floats has other weights.) On the CPU.
    """
    x = torch.from_numpy(to_array(image)).permute(2, 0, 1).unsqueeze(0)
    resized = F.interpolate(x, _size(to, image), mode="bicubic", antialias=True)[0]
    return to.normalize(_centre(resized.float() / LEVELS, to.side))


@dataclass(frozen=True)
class Unfiltered:
    """Resized to a square by torch's bicubic filter without antialiasing, neither clamped nor
    rounded, of images in [0, 1] or [-1, 1] (timothybrooks/instruct-pix2pix, metrics/
    clip_similarity.py).
    """

    range: Range = "unit"

    def __call__(self, to: ImageInput, image: AnyImage) -> Pixels:
        """[3, side, side]; values may leave the range."""
        x = image if self.range == "unit" else image * 2 - 1
        resized = F.interpolate(x[None], (to.side, to.side), mode="bicubic", align_corners=False)
        return to.normalize(resized[0])


def normalizer(mean: tuple[float, ...], std: tuple[float, ...]) -> Callable[[AnyImage], AnyImage]:
    """(x - mean) / std per channel."""
    columns = [torch.tensor(values).view(3, 1, 1) for values in (mean, std)]

    def normalize(image: AnyImage) -> AnyImage:
        m, s = (column.to(image) for column in columns)
        return (image - m) / s

    return normalize


def _size(to: ImageInput, image: AnyImage) -> tuple[int, int]:
    """Height and width with the shorter side the network's."""
    height, width = image.shape[-2:]
    short = min(height, width)
    return to.side * height // short, to.side * width // short


def _centre(image: AnyImage, side: int) -> Pixels:
    height, width = image.shape[-2:]
    top, left = round((height - side) / 2), round((width - side) / 2)
    return image[:, top : top + side, left : left + side]
