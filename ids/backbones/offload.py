"""Networks that are on the device during their calls alone, for GPUs of little memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Idle:
    """A network of diffusers or transformers whose weights are in the memory of the host, and on
    the `device` during a call. After a call whose result needs a gradient they stay there: its
    backward reads them.
    """

    network: Any = field(repr=False)
    device: torch.device

    def __post_init__(self) -> None:
        self.network.to("cpu")

    @property
    def config(self) -> Any:
        """The network's."""
        return self.network.config

    @property
    def dtype(self) -> torch.dtype:
        """The network's."""
        found: torch.dtype = self.network.dtype
        return found

    def __call__(self, x: Tensor) -> Any:
        """The network's output."""
        with self._resident(x):
            return self.network(x)

    def encode(self, x: Tensor) -> Any:
        """An autoencoder's posterior."""
        with self._resident(x):
            return self.network.encode(x)

    def decode(self, z: Tensor, **options: Any) -> Any:
        """An autoencoder's images."""
        with self._resident(z):
            return self.network.decode(z, **options)

    @contextmanager
    def _resident(self, x: Tensor) -> Iterator[None]:
        """Weights are copied to the device, and the copies dropped: nothing is copied back."""
        tensors = [*self.network.parameters(), *self.network.buffers()]
        hosted = [tensor.data for tensor in tensors]
        try:
            for tensor in tensors:
                tensor.data = tensor.data.to(self.device, copy=True)
            yield
        finally:
            if not (torch.is_grad_enabled() and x.requires_grad):
                for tensor, data in zip(tensors, hosted, strict=True):
                    tensor.data = data
