"""How edits are computed: nothing here decides what comes out, beyond rounding."""

import hashlib
import json
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import torch

from ids.core.errors import ConfigError

DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?")
MAX_THREADS = 1024


@dataclass(frozen=True)
class Engine:
    """`device` is `auto`, `cpu`, `cuda` or `cuda:1`; `batch_size` edits run side by side; `threads`
    0 leaves torch's choice.
    """

    device: str = "auto"
    batch_size: int = 8
    threads: int = 0

    def __post_init__(self) -> None:
        if not DEVICE.fullmatch(self.device):
            raise ValueError(
                f"engine.device: expected auto, cpu, cuda or cuda:N; got {self.device[:60]!r}"
            )
        if self.batch_size < 1:
            raise ValueError(f"engine.batch_size: expected 1 or more; got {self.batch_size}")
        if self.threads < 0:
            raise ValueError(
                f"engine.threads: expected 0 (torch's choice) or more; got {self.threads}"
            )
        if self.threads > MAX_THREADS:
            raise ValueError(
                f"engine.threads: expected at most {MAX_THREADS}; got {self.threads}; this machine "
                f"has {os.cpu_count()} cores"
            )

    def start(self) -> torch.device:
        """The device, ready."""
        if self.threads:
            torch.set_num_threads(self.threads)
        return self.place()

    def place(self) -> torch.device:
        """The device; `ConfigError` where this machine has none such."""
        name = self.device
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        device = torch.device(name)
        count = torch.cuda.device_count() if device.type == "cuda" else 0
        if device.type == "cuda" and (device.index or 0) >= count:
            here = f"here are {count} CUDA devices" if count else "here is no CUDA"
            raise ConfigError(
                f"engine.device: expected a device of this machine; got {name!r}; {here}"
            )
        return device

    def describe(self, device: torch.device) -> dict[str, str | int]:
        """What measurements depend on."""
        cuda = device.type == "cuda"
        return {
            "device": torch.cuda.get_device_name(device) if cuda else _processor(),
            "kind": device.type,
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count() or 0,
            "batch_size": self.batch_size,
            "torch": str(torch.__version__),
        }


def _processor() -> str:
    """The processor's own name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def engine_key(description: dict[str, str | int]) -> str:
    """A folder name for measurements taken alike."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:8]
    return f"{description['kind']}-batch{description['batch_size']}-{digest}"
