"""Host synchronizations per step, with the lines that cause them."""

import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from loops.worlds import edited, latents_of

from device_checks.checks import METHODS, Check, Machine, method_of
from ids.editing import DistillationEditor

SHOWN = 6  # source lines
FEW, MANY = 2, 6  # steps
MARK = "synchronizing CUDA operation"


def waiting_checks() -> list[Check]:
    """One per method, on the topology of Stable Diffusion."""
    return [Check(f"syncs/{m}", _syncs(m)) for m in METHODS]


def _syncs(method: str) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        if not machine.cuda:
            return "skipped: no CUDA"
        editor = method_of("topology", method)
        if not isinstance(editor, DistillationEditor):
            return _lines(_counted(machine, editor), 10)
        _counted(machine, replace(editor, n_steps=1))  # warm-up
        few, many = (_counted(machine, replace(editor, n_steps=n)) for n in (FEW, MANY))
        return _lines(many - few, MANY - FEW)

    return run


def _lines(found: Counter[str], steps: int) -> str:
    most = "; ".join(f"{n / steps:g} {line}" for line, n in found.most_common(SHOWN))
    return f"{found.total() / steps:g} a step: {most or 'none'}"


def _counted(machine: Machine, editor: Any) -> Counter[str]:
    backbone, cases = machine.world("topology", "fp16"), machine.cases[:2]
    z_src = latents_of(backbone, cases)
    torch.cuda.synchronize()
    with synchronizations() as found:
        edited(editor, backbone, z_src, cases)
    return found


@contextmanager
def synchronizations() -> Iterator[Counter[str]]:
    """Source line -> how often it made the host wait for the device, inside the `with`."""
    found: Counter[str] = Counter()

    def note(message: Any, *_: Any, **__: Any) -> None:
        if MARK in str(message):
            found[_origin()] += 1

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = note
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode("default")


def _origin() -> str:
    """The innermost line of the package, or else of any library."""
    frames = [f for f in traceback.extract_stack() if f.filename != __file__]
    inner = [f for f in frames if "/ids/" in f.filename and "site-packages" not in f.filename]
    frame = (inner or frames)[-1]
    name = "/".join(frame.filename.split("/")[-2:])
    return f"{name}:{frame.lineno}"
