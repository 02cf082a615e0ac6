"""Seconds, and the speed of a large matrix product."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

SIDES = {"cpu": 1024, "cuda": 8192}  # of the matrices
ROUNDS = 7


@dataclass(frozen=True)
class Time:
    """Of one call: on the wall, and of this process on the CPU. Seconds."""

    wall: float
    cpu: float


def timed(call: Callable[[], object], device: torch.device) -> Time:
    """With CUDA events on a GPU."""
    if device.type != "cuda":
        began, cpu = time.perf_counter(), time.process_time()
        call()
        return Time(time.perf_counter() - began, time.process_time() - cpu)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize(device)
    cpu = time.process_time()
    start.record()
    call()
    end.record()
    torch.cuda.synchronize(device)
    return Time(start.elapsed_time(end) / 1e3, time.process_time() - cpu)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and largest, in four digits."""
    found = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def product_speed(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a product of two large square matrices, the median of some."""
    side = SIDES[device.type]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    for _ in range(3):
        a @ b
    times = [timed(lambda: a @ b, device) for _ in range(ROUNDS)]
    taken = [time.wall if device.type == "cuda" else time.cpu for time in times]
    return 2 * side**3 / statistics.median(taken)
