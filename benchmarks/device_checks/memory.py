"""Peak memory, out-of-memory halving, and Stable Diffusion's size."""

import logging
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from loops.editors import distillation
from loops.worlds import SD15, edited, latents_of, random_latents, shape_cases, topology

from device_checks.checks import METHODS, Check, Machine, expect, method_of
from ids.backbones.latent_diffusion import LatentDiffusion
from ids.config.build import build_experiment
from ids.config.compose import compose_all

GB = 2**30
LARGE = ("dds", "cds", "ids", "ids fpr=finite_difference", "ids_cut")
MANY = 256  # edits of the batch that must not fit
SPARE = 0.6  # GB above what is allocated


def memory_checks() -> list[Check]:
    """Readings by method, the halving of batches, and edits of 512 pixels."""
    return [
        *(Check(f"memory/{m}", _peak(m)) for m in METHODS),
        Check("halving", _halving),
        *(Check(f"512px/{m}", _large(m)) for m in LARGE),
    ]


def _peak(method: str) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        if not machine.cuda:
            return "skipped: no CUDA"
        backbone = machine.world("topology", "fp16")
        editor, z_src = method_of("topology", method), latents_of(backbone, machine.cases)
        before = _reset()
        edited(editor, backbone, z_src, machine.cases)
        return f"{(torch.cuda.max_memory_allocated() - before) / 2**20:.1f} MB for 8 edits"

    return run


def _large(method: str) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        if not machine.cuda:
            return "skipped: no CUDA"
        torch.cuda.empty_cache()
        backbone = _stable_diffusion(machine.device)
        weights = torch.cuda.memory_allocated() / GB
        cases, z_src = shape_cases(1), random_latents(1, (4, 64, 64), machine.device)
        before = _reset()
        z_trg = edited(distillation(method, 2), backbone, z_src, cases)
        above = (torch.cuda.max_memory_allocated() - before) / GB
        finite = bool(z_trg.isfinite().all())
        return expect(finite, f"{above:.2f} GB above {weights:.2f} GB, finite: {finite}")

    return run


@cache
def _stable_diffusion(device: torch.device) -> LatentDiffusion:
    """Of Stable Diffusion 1.5's size, in half precision."""
    return topology(SD15, device, torch.float16)


def _halving(machine: Machine) -> str:
    if not machine.cuda:
        return "skipped: no CUDA"
    torch.cuda.empty_cache()
    total = torch.cuda.mem_get_info()[1]
    limit = torch.cuda.memory_reserved() + SPARE * GB
    torch.cuda.set_per_process_memory_fraction(limit / total)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _halved(Path(folder), str(machine.device))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def _halved(folder: Path, device: str) -> str:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    words = [f"output_dir={folder}", f"engine.device={device}", f"engine.batch_size={MANY}"]
    words += [f"dataset.count={MANY}", "limit=null", "method=ids_cut", "method.n_steps=2"]
    words += ["logger=none", "controls=none", "metrics=standard", "keep_every=0"]
    (setting,) = compose_all(words)
    logging.getLogger("ids").addHandler(handler)
    try:
        outcomes = build_experiment(setting).run(folder / "run")
    finally:
        logging.getLogger("ids").removeHandler(handler)
    good = sum(outcome.status == "ok" for outcome in outcomes)
    halved = [line for line in lines if "out of memory" in line]
    return expect(good == len(outcomes) >= MANY and bool(halved), f"{good} of {MANY} ok; {halved}")


def _reset() -> int:
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated()
