"""Peak memory since a reset."""

import math
from pathlib import Path

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak(device: torch.device) -> None:
    """Reset the peak: torch's counter on a GPU, the kernel's high-water mark on Linux."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    try:
        CLEAR.write_text("5")
    except OSError:
        return


def peak_bytes(device: torch.device) -> float:
    """Peak in bytes since the reset: allocated by torch on a GPU, resident in the process on Linux;
    nan elsewhere.
    """
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    try:
        CLEAR.open("w").close()  # where the reset failed, the peak means nothing
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return math.nan
    return float(line.split()[1]) * 1024
