"""Images to latents and back."""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch

from ids.core.errors import DataError
from ids.core.tensors import Images, Latent, out_of_memory

DECODED_AT_ONCE = 8  # latents: a decoder takes many times the memory of an editing step


@runtime_checkable
class Autoencoder(Protocol):
    """Images to latents and back."""

    def encode(self, x: Images) -> Latent: ...
    def decode(self, z: Latent) -> Images: ...


@dataclass(frozen=True)
class KLAutoencoder:
    """A diffusers AutoencoderKL, used with its posterior mean."""

    vae: Any = field(repr=False)

    @property
    def factor(self) -> int:
        """Image pixels per latent pixel, along a side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    def encode(self, x: Images) -> Latent:
        """Scaled latents in float32; `DataError` for sides that `factor` does not divide."""
        height, width = x.shape[-2:]
        if height % self.factor or width % self.factor:
            raise DataError(
                f"image size: expected sides that {self.factor} divides; got {width}x{height}; "
                "set dataset.size to "
                f"{max(width // self.factor, 1) * self.factor} or so"
            )
        mean = self.vae.encode(x.to(self.vae.device, self.vae.dtype) * 2 - 1).latent_dist.mode()
        z: Latent = ((mean - self._shift) * self.vae.config.scaling_factor).float()
        return z

    def decode(self, z: Latent) -> Images:
        """RGB in [0, 1], float32."""
        z = z.to(self.vae.dtype) / self.vae.config.scaling_factor + self._shift
        x: Images = self.vae.decode(z, return_dict=False)[0].float()
        return (x / 2 + 0.5).clamp(0, 1)

    @property
    def _shift(self) -> float:
        return float(self.vae.config.shift_factor or 0)


def encoded(autoencoder: Autoencoder, x: Images) -> Latent:
    """Differentiable in x."""
    with torch.set_grad_enabled(torch.is_grad_enabled() and x.requires_grad):
        return autoencoder.encode(x)


def decoded(autoencoder: Autoencoder, z: Latent) -> Images:
    """`DECODED_AT_ONCE` at a time; fewer where the device has too little memory for that, down to
    one, so that a finished edit is not lost.
    """
    images: list[Images] = []
    start, at_once = 0, DECODED_AT_ONCE
    while start < len(z):
        try:
            with torch.no_grad():
                images.append(autoencoder.decode(z[start : start + at_once]))
        except RuntimeError as error:
            if not out_of_memory(error) or at_once == 1:
                raise
            at_once = max(min(at_once, len(z) - start) // 2, 1)
            continue
        start += at_once
    return torch.cat(images)
