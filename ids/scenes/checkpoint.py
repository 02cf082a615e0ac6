"""Tensors of scenes, and the state of their optimizer, in one file that is written atomically."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ids.core.errors import DataError
from ids.scenes.model import SceneModel


class Checkpoint(NamedTuple):
    """Tensors by name, the step after which they were written, and the name of what was made."""

    tensors: Mapping[str, Tensor]
    step: int
    name: str


def write_checkpoint(
    file: Path, model: SceneModel, optimizer: torch.optim.Optimizer | None, step: int, name: str
) -> None:
    """Write a model, and the state of an optimizer of its parameters."""
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    state = optimizer.state_dict()["state"] if optimizer else {}
    for number, values in state.items():
        for key, value in values.items():
            tensors[f"optimizer.{number}.{key}"] = torch.as_tensor(value)
    write_tensors(file, tensors, step, name)


def write_tensors(file: Path, tensors: Mapping[str, Tensor], step: int, name: str) -> None:
    """Write a file that is whole, or not there: a process may be killed at any time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    partial = file.with_name(f".{file.name}-{os.getpid()}")
    save_file(plain, partial, {"step": str(step), "name": name})
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    os.replace(partial, file)


def read_checkpoint(file: Path, name: str) -> Checkpoint | None:
    """The checkpoint in a file; None where it is missing. `DataError` where it is damaged, or of
    another scene or other settings.
    """
    try:
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        found = Checkpoint(tensors, int(metadata["step"]), metadata["name"])
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{file}: expected a checkpoint of a scene; got {error}; remove it"
        ) from None
    if found.name != name:
        raise DataError(
            f"{file}: expected a checkpoint of {name}; got one of {found.name}; remove it"
        )
    return found


def restore(
    checkpoint: Checkpoint, model: SceneModel, optimizer: torch.optim.Optimizer | None = None
) -> None:
    """Give a model, and an optimizer of its parameters, the tensors of a checkpoint."""
    model.load_state_dict(_below("model.", checkpoint.tensors))
    if optimizer is None:
        return
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in _below("optimizer.", checkpoint.tensors).items():
        number, _, field = key.partition(".")
        state.setdefault(int(number), {})[field] = value
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key[len(prefix) :]: x for key, x in tensors.items() if key.startswith(prefix)}
