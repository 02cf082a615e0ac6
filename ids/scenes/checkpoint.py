"""Tensors of scenes, and the state of their optimizer, in one file that is written atomically."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ids.core.checkpoints import optimizer_tensors, restore_optimizer, with_prefix
from ids.core.claims import Claims, Scratch
from ids.core.errors import DataError
from ids.scenes.model import SceneModel

MODEL, OPTIMIZER = "model.", "optimizer."
PARTIAL = "partial"  # the folder of unfinished files


class Checkpoint(NamedTuple):
    """Tensors by name, the step after which they were written, and the name of what was made."""

    tensors: Mapping[str, Tensor]
    step: int
    name: str


def write_checkpoint(
    file: Path, model: SceneModel, optimizer: torch.optim.Optimizer | None, step: int, name: str
) -> None:
    """Write a model, and the state of an optimizer of its parameters."""
    tensors = {f"{MODEL}{key}": value for key, value in model.state_dict().items()}
    state = optimizer_tensors(optimizer) if optimizer else {}
    tensors |= {f"{OPTIMIZER}{key}": value for key, value in state.items()}
    write_tensors(file, tensors, step, name)


def write_tensors(file: Path, tensors: Mapping[str, Tensor], step: int, name: str) -> None:
    """Write a file that is whole, or not there: a process may be killed at any time. `OSError`
    where the disk takes no files: safetensors alone would hide its kind.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    content = save(plain, {"step": str(step), "name": name})
    scratch = Scratch(file.parent / PARTIAL)
    try:
        with scratch.replacing(file) as partial, partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    finally:
        scratch.close()


def sweep(folder: Path) -> None:
    """Remove what dead processes have left unfinished in a folder of checkpoints."""
    with suppress(OSError):  # a folder that takes no files is used, too
        Scratch(folder / PARTIAL).sweep()
        Claims(folder).sweep()


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
    model.load_state_dict(with_prefix(MODEL, checkpoint.tensors))
    if optimizer:
        restore_optimizer(optimizer, with_prefix(OPTIMIZER, checkpoint.tensors))
