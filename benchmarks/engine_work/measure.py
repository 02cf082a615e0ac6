"""One cell: the reference loops and the engine, round by round in one process, on the same weights
and draws.
"""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from loops.counts import Counts, engine_counts, loop_counts
from loops.network import Network
from loops.steps import Task, edited
from loops.tasks import DEFAULT_ROWS, engine_edit, source_halves, tasks_of

from engine_work.cells import Cell, World
from engine_work.clock import Time, spread, timed
from engine_work.cost import peak_above
from ids.core.edit import Anchors
from ids.core.protocols import Backbone
from ids.editing import DistillationEditor
from ids.methods import FPR, FiniteDifferenceFPR

ENGINE, EAGER, RELEASED, PLAIN = "engine", "engine-eager", "released", "plain"
LEAST = 3  # rounds, unless they take very long


@dataclass(frozen=True)
class Bench:
    """What all cells of a run share. `operations` are those of a sample, by world."""

    device: torch.device
    worlds: Mapping[str, World]
    networks: Mapping[tuple[str, str], Network]
    operations: Mapping[str, Counts]
    product: float  # FLOP/s
    n_steps: int  # 0: as the world has it
    rounds: int
    seconds: float  # about, per cell
    rows: int  # edits of the engine side by side, at most


@dataclass(frozen=True)
class Side:
    """A loop, ready to run: it makes `edits` edits."""

    run: Callable[[], object]
    edits: int
    counts: Callable[[], Counts]
    short: Callable[[], object]  # of few steps, for memory


def measure(cell: Cell, bench: Bench) -> dict[str, Any]:
    """The record of a cell. Reference loops make one edit a round: they know no batches."""
    n_steps = bench.n_steps or bench.worlds[cell.world].n_steps
    single = cell.images == cell.prompts == 1
    bench = replace(bench, n_steps=n_steps if single else max(n_steps // 2, 1))
    sides = _sides(cell, bench)
    record: dict[str, Any] = {"sides": {}, "ratio": {}, "ratio_wall": {}}
    for name, side in sides.items():
        counts = side.counts()  # the warm-up
        record["sides"][name] = {
            "edits": side.edits,
            "forwards": counts.forwards,
            "backwards": counts.backwards,
            "peak_mb": float(f"{peak_above(side.short, bench.device) / 1e6:.4g}"),
        }
        _forget(bench.device)
    times = _rounds(sides, bench)
    n = {name: side.edits * bench.n_steps for name, side in sides.items()}
    for name, taken in times.items():
        found = record["sides"][name]
        found["ms_per_edit_step"] = spread([1e3 * time.wall / n[name] for time in taken])
        found["cpu_ms_per_edit_step"] = spread([1e3 * time.cpu / n[name] for time in taken])
        seconds = statistics.median(_decisive(time, bench) / n[name] for time in taken)
        flops = _flops(found, bench.operations[cell.world]) / seconds
        found["gflop_per_s"] = float(f"{flops / 1e9:.4g}")
        found["share_of_product"] = float(f"{flops / bench.product:.3g}")
    for name in sides.keys() - {ENGINE}:
        pairs = list(zip(times[name], times[ENGINE], strict=True))
        scale = n[ENGINE] / n[name]
        record["ratio"][name] = spread(
            [scale * _decisive(a, bench) / _decisive(b, bench) for a, b in pairs]
        )
        record["ratio_wall"][name] = spread([scale * a.wall / b.wall for a, b in pairs])
    clock = "ms_per_edit_step" if bench.device.type == "cuda" else "cpu_ms_per_edit_step"
    return record | {"rounds": len(times[ENGINE]), "n_steps": bench.n_steps, "clock": clock}


def _decisive(time: Time, bench: Bench) -> float:
    """Seconds that ratios are made of: on the CPU those of the process, whose one thread other
    processes do not slow down.
    """
    return time.wall if bench.device.type == "cuda" else time.cpu


def _sides(cell: Cell, bench: Bench) -> dict[str, Side]:
    world, editor = bench.worlds[cell.world], cell.editor(bench.n_steps)
    z_src, cases = world.sources(cell.images, cell.prompts)
    sides = {ENGINE: _engine(cell, bench, world.tuned)}
    if cell.eager:
        sides[EAGER] = _engine(cell, bench, world.backbone)
    if not cell.alone:
        (task,) = tasks_of(editor, world.backbone, z_src[:1], cases[:1])
        for name in (RELEASED, PLAIN):
            network = bench.networks[cell.world, name]
            its = _exact(editor) if name == RELEASED else editor
            sides[name] = _reference(network, its, task)
    return sides


def _engine(cell: Cell, bench: Bench, backbone: Backbone) -> Side:
    """The engine, batch by batch, with as many source halves ahead as `ids run` computes."""
    world, editor = bench.worlds[cell.world], cell.editor(bench.n_steps)
    z_src, cases = world.sources(cell.images, cell.prompts)
    rows = cell.rows or bench.rows
    parts = [slice(at, at + rows) for at in range(0, len(cases), rows)]

    on_gpu = bench.device.type == "cuda"

    def anchors(part: slice) -> Anchors:
        many = DEFAULT_ROWS if on_gpu else max(len(cases[part]), DEFAULT_ROWS)
        return source_halves(cell.rows or many)

    def edit(editor: DistillationEditor, part: slice) -> None:
        engine_edit(editor, backbone, z_src[part], cases[part], anchors(part))

    first = parts[0]
    some = replace(editor, n_steps=min(editor.n_steps, DEFAULT_ROWS))  # those ahead take memory
    return Side(
        lambda: [edit(editor, part) for part in parts],  # type: ignore[func-returns-value]
        len(cases),
        lambda: engine_counts(editor, backbone, z_src[first], cases[first], anchors(first)),
        lambda: edit(some, first),
    )


def _reference(network: Network, editor: DistillationEditor, task: Task) -> Side:
    return Side(
        lambda: edited(network, editor, task),
        1,
        lambda: loop_counts(network, editor, task),
        lambda: edited(network, replace(editor, n_steps=1), task),
    )


def _exact(editor: DistillationEditor) -> DistillationEditor:
    """The released code has no finite differences: as many exact gradients stand for them."""
    if isinstance(fpr := editor.fpr, FiniteDifferenceFPR):
        return replace(editor, fpr=FPR(fpr.n_iters, fpr.scale))
    return editor


def _rounds(sides: Mapping[str, Side], bench: Bench) -> dict[str, list[Time]]:
    """Interleaved: a slow period of the machine affects all sides."""
    times: dict[str, list[Time]] = {name: [] for name in sides}
    began = time.perf_counter()
    for done in range(bench.rounds):
        spent = time.perf_counter() - began
        least = LEAST if spent < 3 * bench.seconds else 1
        if done >= least and spent * (done + 1) / done > bench.seconds:
            break
        for name, side in sides.items():
            times[name].append(timed(side.run, bench.device))
    return times


def _flops(found: Mapping[str, Any], one: Counts) -> float:
    """Per edit and step."""
    forwards, backwards = found["forwards"], found["backwards"]
    return float(forwards * one.forwards + backwards * one.backwards)


def _forget(device: torch.device) -> None:
    """Memory of one side is not left to the next."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
