"""Metrics on the device, and whole commands."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from device_checks.checks import Check, Machine, expect, relative
from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.core.records import Edited
from ids.run.edit import FinishedEdit
from ids.run.in_memory import with_images
from ids.run.judge import judge_edits
from ids.run.session import LoadedModels

METRICS = 1e-3  # largest relative difference of a number
COMMANDS = {
    "run/dds": "method=dds",
    "run/ids": "method=ids",
    "run/devices": "method=dds launch=devices seeds=[0,1]",
    "run/scenes": "dataset=scene_shapes representation=nerf metrics=scenes engine.batch_size=1",
}
TIMEOUT = 120  # seconds
COMMON = "limit=2 method.n_steps=4 logger=none keep_every=2"


def whole_checks() -> list[Check]:
    """The metrics of the embedded world, and `ids run`."""
    return [
        Check("metrics", _metrics),
        *(Check(name, _command(name)) for name in COMMANDS),
    ]


def _metrics(machine: Machine) -> str:
    (setting,) = compose_all(["metrics=shapes"])
    metrics = build_experiment(setting).load_metrics()
    edits = []
    for case in map(with_images, machine.cases[:4]):
        image = (case.source.load() * 0.9 + 0.02).clamp(0, 1)
        z = torch.randn(12, 8, 8, generator=torch.Generator().manual_seed(0))
        edits.append(FinishedEdit(case, Edited(image, z, 1.1 * z), {}, {}))
    here, there = (
        judge_edits(edits, metrics, LoadedModels(device))
        for device in (torch.device("cpu"), machine.device)
    )
    errors = {
        key: relative(
            *(
                torch.tensor([one.values[key].value for one in side], dtype=torch.float64)
                for side in (there, here)
            )
        )
        for key in metrics
    }
    worst = max(errors, key=lambda key: errors[key])
    return expect(errors[worst] < METRICS, f"{len(errors)} metrics, {worst}: {errors[worst]:.1e}")


def start_commands(machine: Machine) -> None:
    """Start all commands in the background: their checks wait for them."""
    machine.started.update({name: _started(name, machine) for name in COMMANDS})


def _started(name: str, machine: Machine) -> "subprocess.Popen[bytes]":
    words, folder = COMMANDS[name], _folder(name, machine)
    more = [f"output_dir={folder}", f"engine.device={machine.device}"]
    more += ["launch.workers=1"] if "launch=" in words and not machine.cuda else []
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "ids.cli", "run", *words.split(), *COMMON.split(), *more],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "WANDB_MODE": "offline", "HF_HUB_OFFLINE": "1"},
        )


def _command(name: str) -> Callable[[Machine], str]:
    def run(machine: Machine) -> str:
        began, folder = time.perf_counter(), _folder(name, machine)
        process = machine.started.get(name) or _started(name, machine)
        try:
            status = process.wait(timeout=TIMEOUT)
        finally:
            process.kill()
        seconds = time.perf_counter() - began
        message = f"exit {status}, {seconds:.1f} s, {_statuses(folder)}"
        lines = folder.with_suffix(".log").read_text(errors="replace").strip().splitlines()
        good = status == 0 and _statuses(folder) == ["ok"]
        return expect(good, message if good else f"{message}, {lines[-1:]}")

    return run


def _folder(name: str, machine: Machine) -> Path:
    return machine.folder / "runs" / name.replace("/", "-")


def _statuses(folder: Path) -> list[str]:
    """The statuses that occur among the outcomes."""
    files = list(folder.rglob("outcomes.json"))
    text = "".join(file.read_text() for file in files)
    return [status for status in ("ok", "failed", "unsupported") if json.dumps(status) in text]
