"""Networks that are loaded once per command."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

T = TypeVar("T")


def judging_device() -> torch.device:
    """A GPU if the machine has one: float32 networks agree on both, up to rounding."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class LoadedModels:
    """The judging networks of one command."""

    device: torch.device = field(default_factory=judging_device)
    _loaded: dict[Hashable, Any] = field(default_factory=dict)

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """The network of this key; `load` is called for a key that is new."""
        if key not in self._loaded:
            self._loaded[key] = load()
        found: T = self._loaded[key]
        return found
