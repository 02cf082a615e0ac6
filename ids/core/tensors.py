"""Shape legend: B rows (one edit each), C latent channels, H W latent size, T timesteps of the
schedule.
"""

import torch
from jaxtyping import Float, Real
from torch import Tensor

Latent = Float[
    Tensor, "B C H W"
]  # VAE-scaled; float32 in runs, float64 in parity: code follows z_src's dtype
Timestep = Real[Tensor, " B"]  # in 0 .. T, 0 is clean; VP takes integers up to T-1, Flow any number
Coefficient = Float[Tensor, "B 1 1 1"]
PerRow = Float[Tensor, " B"]
Features = Float[Tensor, "B channels height width"]  # inside a network, at one of its sites
PositionMap = Float[Tensor, "B 1 H W"]
Images = Float[Tensor, "B 3 height width"]  # RGB in [0, 1]
Image = Float[Tensor, "3 height width"]  # RGB in [0, 1]
Mask = Float[Tensor, "1 height width"]  # 1 where the edit belongs, 0 where the image should stay


def version_of(x: Tensor) -> float:
    """Grows with every write in place: the same tensor at the same version has the same numbers.
    nan, which equals nothing, for a tensor of torch's inference mode, whose writes are not counted.
    """
    return float("nan") if x.is_inference() else float(x._version)


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """`x` on the device. The host does not wait for a copy to a GPU: it is made from pinned memory,
    which torch keeps until the copy is done.
    """
    if device.type != "cuda" or x.is_cuda:
        return x.to(device)
    return x.pin_memory().to(device, non_blocking=True)


def to_host(x: Tensor) -> Tensor:
    """A copy in the memory of the host. From a GPU the copy is only queued: its numbers are there
    once the device has been waited for.
    """
    if x.device.type != "cuda":
        return x.detach().to("cpu", copy=True)
    kept = torch.empty(x.shape, dtype=x.dtype, pin_memory=True)
    return kept.copy_(x.detach(), non_blocking=True)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether a device has run out of memory. torch's CPU allocator has no error class for it."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
