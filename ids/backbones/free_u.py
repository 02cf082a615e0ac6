"""FreeU: backbone features amplified and skip connections attenuated, without training."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Resnet = tuple[nn.Module, int]  # a residual block and the channels of its hidden map


@dataclass(frozen=True)
class FreeU:
    """FreeU (Si et al. 2024), as the released SSD has it: before each residual block of the up
    path, half of the channels of the hidden map are multiplied by b, and the lowest frequencies of
    the skip connection by s: b1 and s1 where the hidden map has as many channels as the widest
    level of the UNet, b2 and s2 where it has those of the next level.

    diffusers' own goes by the number of the block, and reaches other blocks.
    """

    b1: float = 1.1
    b2: float = 1.1
    s1: float = 0.9
    s2: float = 0.2

    def register(self, unet: Any) -> None:
        """Change this diffusers UNet for good."""
        widths = sorted(set(unet.config.block_out_channels), reverse=True)
        factors = dict(zip(widths, [(self.b1, self.s1), (self.b2, self.s2)], strict=False))
        for resnet, n_hidden in _resnets(unet):
            if n_hidden in factors:
                resnet.register_forward_pre_hook(_scaled(n_hidden, *factors[n_hidden]))


def _resnets(unet: Any) -> Iterator[Resnet]:
    """The residual blocks of the up path."""
    n_hidden = unet.config.block_out_channels[-1]
    for block in unet.up_blocks:
        for resnet in block.resnets:
            yield resnet, n_hidden
            n_hidden = resnet.out_channels


def _scaled(n_hidden: int, b: float, s: float) -> Callable[[nn.Module, Any], Any]:
    def scaled(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        joined, *others = args
        hidden, skip = joined[:, :n_hidden], joined[:, n_hidden:]
        half, rest = hidden.split([n_hidden // 2, n_hidden - n_hidden // 2], dim=1)
        return torch.cat([half * b, rest, low_scaled(skip, s)], dim=1), *others

    return scaled


def low_scaled(skip: Tensor, s: float) -> Tensor:
    """The maps [B, C, H, W] with the middle 2 x 2 of their shifted spectrum times s, which is
    rounded to float32. Computed in float32 for half precision.
    """
    wide = skip if skip.dtype == torch.float64 else skip.float()
    spectrum = torch.fft.fftshift(torch.fft.fftn(wide, dim=(-2, -1)), dim=(-2, -1))
    height, width = skip.shape[-2:]
    mask = torch.ones(height, width, dtype=torch.float32, device=skip.device)
    mask[height // 2 - 1 : height // 2 + 1, width // 2 - 1 : width // 2 + 1] = s
    shifted = torch.fft.ifftshift(spectrum * mask, dim=(-2, -1))
    filtered: Tensor = torch.fft.ifftn(shifted, dim=(-2, -1)).real.to(skip.dtype)
    return filtered
