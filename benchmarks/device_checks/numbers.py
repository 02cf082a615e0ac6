"""Edits on the device against edits on the CPU, in single and half precision, alone and in
batches.
"""

from collections.abc import Callable

import torch

from device_checks.checks import METHODS, WORLDS, Check, Machine, expect, relative

CPU = torch.device("cpu")
FP32, FP16, BATCHED = 1e-2, 1e-1, 1e-2  # largest relative difference of z_trg
EXACT = 1e-4  # of a prediction in single precision, without TF32


def number_checks() -> list[Check]:
    """Network, single, half and batched edits, by world."""
    return [
        *(Check(f"network/{w}/{p}", _network(w, p)) for w in WORLDS for p in ("fp32", "fp16")),
        *(Check(f"fp32/{w}/{m}", _single(w, m)) for w in WORLDS for m in METHODS),
        *(Check(f"fp16/{w}/{m}", _half(w, m)) for w in WORLDS for m in METHODS),
        *(Check(f"batch/{w}/{m}", _batched(w, m)) for w in WORLDS for m in METHODS),
    ]


def _network(world: str, precision: str) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        found, wanted = (
            _prediction(machine, world, precision, None),
            _prediction(machine, world, "fp32", CPU),
        )
        error, spread = relative(found, wanted), float(found.std())
        limit = EXACT if precision == "fp32" else FP16
        return expect(error < limit and 0.1 < spread < 10, f"error {error:.1e}, std {spread:.2f}")

    return run


def _prediction(
    machine: Machine, world: str, precision: str, device: torch.device | None
) -> torch.Tensor:
    backbone = machine.world(world, precision, device)
    place = device or machine.device
    z = torch.randn(4, 12, 8, 8, generator=torch.Generator().manual_seed(0)).to(place)
    y = backbone.prompt([case.prompt_src for case in machine.cases[:4]])
    with torch.no_grad():
        return backbone.eps(z, y, torch.tensor([50, 300, 600, 948], device=place)).cpu()


def _single(world: str, method: str) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        wanted = machine.edit(world, method, "fp32", on=CPU)
        return _compared(machine.edit(world, method, "fp32"), wanted, FP32)

    return run


def _half(world: str, method: str) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        wanted = machine.edit(world, method, "fp32")
        return _compared(machine.edit(world, method, "fp16"), wanted, FP16)

    return run


def _batched(world: str, method: str) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        together = machine.edit(world, method, "fp32", rows=8)
        alone = machine.edit(world, method, "fp32", rows=1)
        return _compared(together[:, :1], alone, BATCHED)

    return run


def _compared(found: torch.Tensor, wanted: torch.Tensor, limit: float) -> str:
    finite = bool(found.isfinite().all())
    error = relative(found[0], wanted[0])
    edit = relative(found[0] - found[1], wanted[0] - wanted[1])
    return expect(finite and error < limit, f"z_trg {error:.1e}, edit {edit:.1e}")
