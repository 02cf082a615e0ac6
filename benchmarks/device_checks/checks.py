"""What a check is, and how checks run: one line each, a failure costs itself alone."""

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from subprocess import Popen

import torch
from loops.editors import editor_of
from loops.worlds import edited, embedded, latents_of, shape_cases, small_topology
from torch import Tensor

from ids.backbones.latent_diffusion import LatentDiffusion
from ids.core.edit import Editor
from ids.core.records import EditCase
from ids.core.tensors import Latent

WORLDS = {"shapes": embedded, "topology": small_topology}
SITES = {"shapes": [], "topology": ["sites=by_resolution", "sites.pnp_negative_prompt=''"]}
DISTILLED = ("sds", "dds", "cds", "pds", "ids", "ids_cut", "dream_catalyst")
REFINED = tuple(f"dds fpr={fpr}" for fpr in ("squared", "noise", "polyak", "finite_difference"))
STEPS, SAMPLED = 4, 10
NULL_TEXT = f"inversion=null_text inversion.n_inner=3 inversion.n_steps={SAMPLED}"
INVERTED = f"inversion.n_steps={SAMPLED}"
SAMPLING = {
    "p2p": f"p2p {INVERTED}",
    "null_text": f"p2p {NULL_TEXT}",
    "pnp": f"pnp {INVERTED} method.n_steps={SAMPLED}",
    "sdedit": f"sdedit method.n_steps={SAMPLED}",
    "reconstruction": f"reconstruction {INVERTED}",
}
METHODS = {
    **{w: f"{w} method.n_steps={STEPS}" for w in DISTILLED},
    **{w.partition("=")[2]: f"{w} method.n_steps={STEPS}" for w in REFINED},
    **SAMPLING,
}


@dataclass(frozen=True)
class Machine:
    """The device under test, and the networks on it and on the CPU, each built once."""

    device: torch.device
    folder: Path
    started: dict[str, Popen[bytes]] = field(default_factory=dict)  # commands in the background
    _worlds: dict[tuple[str, str, str], LatentDiffusion] = field(default_factory=dict, repr=False)
    _edits: dict[tuple[str, str, str, int, str], Latent] = field(default_factory=dict, repr=False)

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"

    @cached_property
    def cases(self) -> list[EditCase]:
        return shape_cases(8)

    def world(
        self, name: str, precision: str, device: torch.device | None = None
    ) -> LatentDiffusion:
        place = device or self.device
        key = name, precision, str(place)
        if key not in self._worlds:
            self._worlds[key] = WORLDS[name](place, precision)
        return self._worlds[key]

    def edit(
        self, world: str, method: str, precision: str, rows: int = 2, on: torch.device | None = None
    ) -> Latent:
        """z_trg and z_src of an edit, stacked and on the CPU: [2, B, C, H, W]. Made once."""
        key = world, method, precision, rows, str(on or self.device)
        if key not in self._edits:
            backbone, cases = self.world(world, precision, on), self.cases[:rows]
            z_src = latents_of(backbone, cases)
            z_trg = edited(method_of(world, method), backbone, z_src, cases)
            self._edits[key] = torch.stack([z_trg, z_src]).cpu()
        return self._edits[key]


@dataclass(frozen=True)
class Check:
    """A named check. It returns a line of numbers, or raises."""

    name: str
    run: Callable[[Machine], str]


@cache
def method_of(world: str, method: str) -> Editor:
    """The editor of an entry of `METHODS` in a world."""
    return editor_of(METHODS[method], SITES[world])


def expect(condition: bool, message: str) -> str:
    """The message, as an `AssertionError` where the condition does not hold."""
    if not condition:
        raise AssertionError(message)
    return message


def relative(found: Tensor, wanted: Tensor) -> float:
    """||found - wanted|| / ||wanted||."""
    found, wanted = found.double(), wanted.double()
    return float((found - wanted).norm() / wanted.norm().clamp_min(1e-12))


def run_checks(checks: list[Check], machine: Machine) -> Iterator[bool]:
    """Print a line per check; tracebacks go to `machine.folder`. Yields whether it passed."""
    for check in checks:
        began = time.perf_counter()
        try:
            detail = check.run(machine)
            status = "skip" if detail.startswith("skipped") else "ok"
        except Exception as error:  # a check that fails must not cost the others
            status, detail = "FAIL", f"{type(error).__name__}: {str(error).splitlines()[:1]}"
            with (machine.folder / "tracebacks.txt").open("a") as file:
                file.write(f"=== {check.name}\n{traceback.format_exc()}\n")
        line = f"{check.name:34} {status:4} {detail} ({time.perf_counter() - began:.1f} s)"
        print(line, flush=True)
        with (machine.folder / "checks.txt").open("a") as file:
            file.write(line + "\n")
        yield status != "FAIL"
