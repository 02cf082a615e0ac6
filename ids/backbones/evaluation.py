"""How a UNet is evaluated: directly, compiled, with another attention kernel."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

AttentionKernel = Literal["auto", "flash", "cudnn", "efficient", "math"]
KERNELS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}


@runtime_checkable
class Evaluation(Protocol):
    """Evaluates a UNet."""

    def __call__(self, z_t: Tensor, t: Tensor, text: Tensor, hooked: bool) -> Tensor:
        """The output [B, C, H, W]. `hooked`: hooks are active, so that every module has to run."""
        ...


@dataclass(frozen=True)
class Direct:
    """Calls a diffusers UNet."""

    unet: Callable[..., Any] = field(repr=False)

    def __call__(self, z_t: Tensor, t: Tensor, text: Tensor, hooked: bool) -> Tensor:
        out: Tensor = self.unet(z_t, t, encoder_hidden_states=text, return_dict=False)[0]
        return out


@dataclass(frozen=True)
class Compiled:
    """Calls the `compiled` UNet, which has no modules to hook: hooked calls go to the `direct`
    one.
    """

    compiled: Evaluation
    direct: Evaluation

    def __call__(self, z_t: Tensor, t: Tensor, text: Tensor, hooked: bool) -> Tensor:
        return (self.direct if hooked else self.compiled)(z_t, t, text, hooked)


@dataclass(frozen=True)
class PreferredAttention:
    """Computes attention with a kernel of `KERNELS`; torch takes another one for layers that it
    cannot compute.
    """

    inner: Evaluation
    kernel: str

    def __call__(self, z_t: Tensor, t: Tensor, text: Tensor, hooked: bool) -> Tensor:
        first = KERNELS[self.kernel]
        order = [first, *(kernel for kernel in KERNELS.values() if kernel is not first)]
        with sdpa_kernel(order, set_priority=True):
            return self.inner(z_t, t, text, hooked)
