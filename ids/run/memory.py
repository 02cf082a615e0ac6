"""Peak memory since a reset, and what fits into the rest."""

import math
from pathlib import Path

import torch

KEPT_FREE = 0.15  # of a GPU's free memory: fragments, and what libraries take
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


def rows_that_fit(device: torch.device, peak: float, rows: int, most: int) -> int:
    """How many rows fit into a GPU's memory side by side, at most `most`, after a batch of `rows`
    that has reached `peak` bytes and is gone. `most` where the device is no GPU.
    """
    if device.type != "cuda":
        return most
    free, _ = torch.cuda.mem_get_info(device)
    held = torch.cuda.memory_allocated(device)
    return rows_within(free + torch.cuda.memory_reserved(device) - held, peak - held, rows, most)


def source_rows_that_fit(device: torch.device, rows: int, most: int) -> int:
    """How many source halves fit into a GPU's memory side by side, after a call of `rows`: the
    first work of an edit, so that the peak since it began is the call's.
    """
    return rows_that_fit(device, peak_bytes(device), rows, most)


def rows_within(room: float, taken: float, rows: int, most: int) -> int:
    """The same, from the bytes of `room` and those that `rows` have taken; 1 at least."""
    each = max(taken / rows, 1.0)
    return max(min(int(room * (1 - KEPT_FREE) / each), most), 1)
