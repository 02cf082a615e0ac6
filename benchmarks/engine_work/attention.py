"""Attention kernels at the sizes of Stable Diffusion's self-attention."""

from collections.abc import Mapping
from statistics import median

import torch
from torch.nn.attention import sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from engine_work.clock import timed
from ids.backbones.evaluation import KERNELS

HEADS = 8
SIZES = ((4096, 40), (1024, 80), (256, 160))  # tokens and channels of a head at 512 pixels
BATCHES = (2, 32)
CALLS, ROUNDS = 10, 5

Times = dict[str, dict[str, float]]


def attention_times(device: torch.device, dtype: torch.dtype, tiny: bool) -> Times:
    """Size -> kernel -> milliseconds of a forward; kernels that cannot compute it are absent."""
    times: Times = {}
    for batch in BATCHES[: 1 if tiny else None]:
        for tokens, channels in SIZES:
            n = tokens // 64 if tiny else tokens
            shape = batch, HEADS, n, channels
            qkv = [torch.randn(shape, device=device).to(dtype) for _ in range(3)]
            found = {kernel: _milliseconds(kernel, qkv, device) for kernel in ("auto", *KERNELS)}
            times[f"{batch} x {n} x {channels}"] = {k: v for k, v in found.items() if v}
    return times


def attention_table(times: Mapping[str, Mapping[str, float]]) -> str:
    """A line per size."""
    lines = [f"attention, ms: {size:16} " + _line(found) for size, found in times.items()]
    return "\n".join(lines)


def _line(found: Mapping[str, float]) -> str:
    return "  ".join(f"{kernel} {ms:.3g}" for kernel, ms in found.items())


@torch.no_grad()
def _milliseconds(kernel: str, qkv: list[torch.Tensor], device: torch.device) -> float:
    """0 where the kernel cannot compute it."""

    def call() -> None:
        for _ in range(CALLS):
            scaled_dot_product_attention(*qkv)  # type: ignore[arg-type]

    chosen = list(KERNELS.values()) if kernel == "auto" else [KERNELS[kernel]]
    try:
        with sdpa_kernel(chosen):
            call()
            taken = [timed(call, device).wall for _ in range(ROUNDS)]
    except RuntimeError:
        return 0.0
    return float(f"{1e3 * median(taken) / CALLS:.3g}")
