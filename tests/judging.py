"""Metrics on one edit, with networks that are loaded once per process."""

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ids.core.protocols import Metric
from ids.core.records import EditCase, Edited


@dataclass(frozen=True)
class Networks:
    """Networks in memory, on the CPU."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    loaded: dict[Hashable, Any] = field(default_factory=dict)

    def get(self, key: Hashable, load: Callable[[], Any]) -> Any:
        if key not in self.loaded:
            self.loaded[key] = load()
        return self.loaded[key]


@dataclass(frozen=True)
class Held:
    """An image in memory."""

    image: torch.Tensor

    def digest(self) -> str:
        return "held"

    def load(self) -> torch.Tensor:
        return self.image


NETWORKS = Networks()


def number(metric: Metric, case: EditCase, edited: Edited, models: Networks = NETWORKS) -> float:
    (value,) = metric([case], [edited], models)
    return value


def backbone_file(folder: Path, net: str) -> tuple[Path, "torch.nn.Module"]:
    """A network of torchvision's layout with random weights, named by its hash; and the package's
    network with those weights.
    """
    import lpips

    torch.manual_seed(0)
    direct = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    weights = {
        f"features.{name.split('.', 1)[1]}": value
        for name, value in direct.net.state_dict().items()
    }
    torch.save(weights, folder / "any.pth")
    digest = hashlib.sha256((folder / "any.pth").read_bytes()).hexdigest()
    return (folder / "any.pth").rename(folder / f"{net}-{digest[:8]}.pth"), direct
