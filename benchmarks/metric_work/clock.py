"""The time that metrics spend inside their networks."""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from ids.run.session import LoadedModels

DEPTH = 2  # CLIPs are called by their parts, not as a whole


def now(device: torch.device) -> float:
    """Seconds. Of this process alone where torch has one CPU thread: others do not disturb."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif torch.get_num_threads() == 1:
        return time.process_time()
    return time.perf_counter()


class NetworkClock:
    """Adds up the time of the outermost calls of all networks in `models`, while it is entered."""

    def __init__(self, models: LoadedModels, device: torch.device) -> None:
        self.device, self.seconds, self.found = device, 0.0, False
        self._models, self._open, self._began = models, 0, 0.0
        self._hooks: list[Any] = []

    def __enter__(self) -> "NetworkClock":
        for network in _networks(self._models._models):
            self.found = True
            for part in _parts(network, DEPTH):
                self._hooks.append(part.register_forward_pre_hook(lambda *_: self._enter()))
                self._hooks.append(part.register_forward_hook(lambda *_: self._leave()))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _enter(self) -> None:
        self._open += 1
        if self._open == 1:
            self._began = self._now()

    def _leave(self) -> None:
        self._open -= 1
        if self._open == 0:
            self.seconds += self._now() - self._began

    def _now(self) -> float:
        return now(self.device)


def _networks(node: Any) -> Iterator[nn.Module]:
    """Every network in dictionaries and dataclasses."""
    if isinstance(node, nn.Module):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _networks(value)
    elif dataclasses.is_dataclass(node) and not isinstance(node, type):
        for field in dataclasses.fields(node):
            yield from _networks(getattr(node, field.name))


def _parts(network: nn.Module, depth: int) -> Iterator[nn.Module]:
    yield network
    if depth:
        for child in network.children():
            yield from _parts(child, depth - 1)
