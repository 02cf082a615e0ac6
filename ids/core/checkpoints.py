"""The contract of checkpoints: the state of an edit under way, kept for after an interruption; and
the state of an optimizer as tensors with names.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@dataclass(frozen=True)
class EditState:
    """An edit after `step` steps: all tensors that its next step depends on, by name."""

    step: int
    tensors: Mapping[str, Tensor]


@runtime_checkable
class Checkpoints(Protocol):
    """Keeps the state of one edit under way: after an interruption it continues from there."""

    def due(self, step: int) -> bool:
        """Is a state written after so many steps?"""
        ...

    def read(self) -> EditState | None:
        """The last state; None where none was written. `DataError` where it cannot be read."""
        ...

    def write(self, state: EditState) -> None:
        """Replace the last state."""
        ...

    def remove(self) -> None:
        """Remove what was written: the edit has ended."""
        ...


class NoCheckpoints:
    """The `Checkpoints` of an edit that starts again after an interruption."""

    def due(self, step: int) -> bool:
        """Never."""
        return False

    def read(self) -> EditState | None:
        """None."""
        return None

    def write(self, state: EditState) -> None:
        """Nothing."""

    def remove(self) -> None:
        """Nothing."""


NO_CHECKPOINTS = NoCheckpoints()


@runtime_checkable
class Resumable(Protocol):
    """A representation whose edits continue after an interruption."""

    def checkpoints(self, name: str) -> Checkpoints:
        """Those of the edit of that name, which stands for everything that decides it."""
        ...


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The state of an optimizer: NUMBER.KEY -> tensor, by the number of the parameter."""
    return {
        f"{number}.{key}": torch.as_tensor(value)
        for number, values in optimizer.state_dict()["state"].items()
        for key, value in values.items()
        if value is not None
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimizer the state of `optimizer_tensors`; its settings stay."""
    state: dict[int, dict[str, Tensor]] = defaultdict(dict)
    for name, value in tensors.items():
        number, _, key = name.partition(".")
        state[int(number)][key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": dict(state), "param_groups": groups})


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): x for name, x in tensors.items() if name.startswith(prefix)}
