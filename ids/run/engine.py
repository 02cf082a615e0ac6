"""How edits are computed: device, batch size, threads. Results depend on it by rounding alone."""

import hashlib
import json
import os
import platform
import re
import warnings
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

import torch

from ids.backbones.evaluation import AttentionKernel
from ids.backbones.tuning import Switch, Tuning
from ids.core.errors import ConfigError
from ids.core.options import check_options
from ids.run.anchor_cache import CacheLimits

DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?")
MAX_THREADS = 1024
FIRST_AUTO = 8  # edits side by side, where the batch size is automatic and nothing is known
GPU = ("tf32", *(one.name for one in fields(Tuning)))
MOST_ON_GPU = 64  # edits side by side: more bring nothing, and a killed batch loses more


@dataclass(frozen=True)
class Engine:
    """`device` is `auto` (a GPU if available), `cpu`, `cuda` or `cuda:N`. `batch_size` edits
    run side by side; `auto` is as many as fit into a GPU's memory, and 8 on a processor, where more
    do not pay. `threads` is torch's number of CPU threads; 0 leaves torch's choice.

    `anchors` is when the source halves of an edit are computed: `inline` step by step, as
    released; `ahead` of the loop, up to a batch of rows at a time, and once for the edits of a
    batch that share them; `shared` with later batches and settings, too, within the limits of
    `cache`.

    On a GPU, `tf32` lets products and convolutions of float32 round their factors to 10 bits.
    The networks of Stable Diffusion are set up by the others. `graphs`: small batches without a
    gradient are replayed as CUDA graphs; `auto` where that is faster, measured once per shape.
    `channels_last`: memory layout; `auto` in half precision on a GPU. `attention`: the kernel that
    is preferred; `auto` leaves torch's choice. `compile`: torch.compile of the UNet, experimental.
    `checkpointing`: backward passes compute activations again in place of keeping them.
    `offload`: text encoder and autoencoder are on the device during their calls alone. A backbone
    in memory is used as it was loaded.

    `ValueError` where a value is out of range.
    """

    device: str = "auto"
    batch_size: int | Literal["auto"] = "auto"
    threads: int = 0
    anchors: Literal["inline", "ahead", "shared"] = "ahead"
    cache: CacheLimits = field(default_factory=CacheLimits)
    tf32: bool = False
    graphs: Switch = "auto"
    channels_last: Switch = "auto"
    attention: AttentionKernel = "auto"
    compile: bool = False
    checkpointing: bool = False
    offload: bool = False

    def __post_init__(self) -> None:
        check_options(self)
        if not DEVICE.fullmatch(self.device):
            raise ValueError(
                f"engine.device: expected auto, cpu, cuda or cuda:N; got {self.device[:60]!r}"
            )
        if self.batch_size != "auto" and self.batch_size < 1:
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
        """Set torch's threads and the precision of a GPU's float32; the device. `ConfigError` where
        this machine lacks it.
        """
        if self.threads:
            torch.set_num_threads(self.threads)
        device = self.find_device()
        if device.type == "cuda":
            set_tf32(self.tf32)
        return device

    @property
    def tuning(self) -> Tuning:
        """What concerns the networks of a backbone."""
        return Tuning(
            graphs=self.graphs,
            channels_last=self.channels_last,
            attention=self.attention,
            compile=self.compile,
            checkpointing=self.checkpointing,
            offload=self.offload,
        )

    def find_device(self) -> torch.device:
        """The device. `ConfigError` where this machine lacks it."""
        name = self.device
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        device = torch.device(name)
        count = torch.cuda.device_count() if device.type == "cuda" else 0
        if device.type == "cuda" and (device.index or 0) >= count:
            found = f"it has {count} CUDA devices" if count else "it has no CUDA"
            raise ConfigError(
                f"engine.device: expected a device of this machine; got {name!r}; {found}"
            )
        return device

    def most_at_once(self, device: torch.device) -> int:
        """The most edits that run side by side on the device."""
        if self.batch_size != "auto":
            return self.batch_size
        return MOST_ON_GPU if device.type == "cuda" else FIRST_AUTO

    def first_at_once(self, device: torch.device) -> int:
        """The size of the first batch: an automatic one grows from what that has taken."""
        return (
            min(self.most_at_once(device), FIRST_AUTO)
            if self.batch_size == "auto"
            else (self.batch_size)
        )

    def describe(self, device: torch.device) -> dict[str, str | int]:
        """The conditions of measurements: hardware, threads, batch size, torch's version, whether
        source halves were shared (a step that finds its source half costs another time), and what
        was chosen for a GPU, where it is not the default.
        """
        cuda = device.type == "cuda"
        anchors = {} if self.anchors == "inline" else {"anchors": self.anchors}
        return {
            "device": torch.cuda.get_device_name(device) if cuda else _processor(),
            "kind": device.type,
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count() or 0,
            "batch_size": self.most_at_once(device),
            "torch": str(torch.__version__),
            **anchors,
            **self._chosen(),
        }

    def _chosen(self) -> dict[str, str]:
        """The options of `GPU` that do not have their default."""
        defaults = {one.name: one.default for one in fields(self)}
        chosen = {name: getattr(self, name) for name in GPU}
        return {k: str(value).lower() for k, value in chosen.items() if value != defaults[k]}


def set_tf32(allowed: bool) -> None:
    """Whether products and convolutions of float32 on a GPU round their factors to TF32's 10 bits.
    torch's default is no for products, and yes for convolutions.
    """
    with warnings.catch_warnings():  # some versions of torch announce another way to set it
        warnings.simplefilter("ignore")
        torch.backends.cudnn.allow_tf32 = allowed
        torch.set_float32_matmul_precision("high" if allowed else "highest")


def _processor() -> str:
    """The processor's model name on Linux; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def engine_key(description: dict[str, str | int]) -> str:
    """A folder name for measurements that can be compared."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:8]
    return f"{description['kind']}-batch{description['batch_size']}-{digest}"
