"""Cost of a command around its edits: start, no-op sweeps, dispatch, workers, growth with jobs.

    python benchmarks/launching.py start          CPU seconds to the first optimization step
    python benchmarks/launching.py noop           a sweep of 100 settings with nothing to do
    python benchmarks/launching.py units          the parent's CPU and wall time per unit
    python benchmarks/launching.py workers        two CPU workers against one, interleaved
    python benchmarks/launching.py growth         time and memory of 64, 256, 1,024, 4,096 jobs
    python benchmarks/launching.py steps          time and memory of edits of 10, 100, 1,000 steps
    python benchmarks/launching.py memory         memory of planning 100, 1,000, 10,000 jobs

CPU seconds (user and system, children included) beside wall seconds, one thread per process.
Python keeps its compiled modules, as it does by default.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GAUSSIAN = ("debug=fast", "method=dds", "method.n_steps=1", "controls=none", "logger=none")
SHAPES = ("backbone=shapes", "dataset=shapes", "controls=none", "logger=none")
IDS = ("-m", "ids.cli", "run")
START = """
import os, sys, time
from ids.cli import main
import ids.run.work as work
def end(steps):
    seconds = sum(os.times()[:4])
    print(f"first step: {seconds:.2f} CPU s, {len(sys.modules)} modules", flush=True)
    os._exit(0)
work._Steps.step = end
main(sys.argv[1:])
"""
UNITS = """
import resource, sys, time
from ids.config.entry import prepare
from ids.launch import launch
from ids.run.plan import plan_sweep
from ids.run.units import cut_plan
from ids.launch.command import find_launcher
prepared = prepare(sys.argv[1:])
bounds = find_launcher([setting for setting, _ in prepared.ready])[1]
experiments = {n: one for n, (_, one) in enumerate(prepared.ready)}
count = len(cut_plan(plan_sweep(experiments).parts, experiments, bounds))
begun, cpu = time.monotonic(), time.process_time()
launch(prepared)
print(count, time.process_time() - cpu, time.monotonic() - begun)
"""


@dataclass(frozen=True)
class Spent:
    """What a process cost: seconds of CPU and wall time, and its peak memory in MB."""

    cpu: float
    wall: float
    peak: float
    out: str

    def __str__(self) -> str:
        return f"{self.cpu:.2f} CPU s, {self.wall:.2f} s, peak {self.peak:.0f} MB"


def spend(words: Sequence[str], folder: Path) -> Spent:
    """Run Python with these words; its standard output is kept, errors end the benchmark."""
    begun = time.monotonic()
    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}
        environment["PYTHONDONTWRITEBYTECODE"] = ""
        process = subprocess.Popen(
            [sys.executable, *words], cwd=folder, stdout=out, stderr=err, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        if status:
            err.seek(0)
            sys.exit(err.read())
        out.seek(0)
        wall = time.monotonic() - begun
        return Spent(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024, out.read())


def start(folder: Path, repeats: int) -> None:
    """The default backbone, method and metrics."""
    words = ("backbone=shapes", "dataset=shapes", "method=ids", "limit=1", "controls=none")
    for number in range(repeats):
        spent = spend(("-c", START, "run", *words, f"output_dir={number}"), folder)
        print(f"{spent.out.strip()}, {spent.wall:.2f} s")


def noop(folder: Path, repeats: int) -> None:
    """A hundred settings of two cases, after a run that made all of them."""
    words: tuple[str, ...] = (
        *IDS,
        "-m",
        "backbone=gaussian",
        "dataset=shapes",
        "method=dds",
        "method.n_steps=1",
    )
    words += ("method.optimizer.lr=range(1,101)", "limit=2", "logger=none")
    print(f"all made: {spend(words, folder)}")
    for _ in range(repeats):
        print(f"nothing to do: {spend(words, folder)}")


def units(folder: Path, repeats: int) -> None:
    """Edits of one step, one at a time: units of four rows. The workers start in the time."""
    flags = ("engine.batch_size=1", "launch=devices", "launch.workers=1", "launch.minutes=0.001")
    found = []
    for number, rows in enumerate((40, 440) * repeats):
        words = (*GAUSSIAN, *flags, f"dataset.count={rows}", "limit=null", f"output_dir={number}")
        count, cpu, wall = map(float, spend(("-c", UNITS, *words), folder).out.split()[-3:])
        print(f"{count:.0f} units of {rows} edits: {cpu:.3f} CPU s of the parent, {wall:.2f} s")
        found.append((count, cpu, wall))
    for few, many in zip(found[::2], found[1::2], strict=True):
        more, cpu, wall = (b - a for a, b in zip(few, many, strict=True))
        print(
            f"per unit: {1000 * cpu / more:.2f} CPU ms of the parent, {1000 * wall / more:.1f} ms"
        )


def workers(folder: Path, repeats: int) -> None:
    """Sixteen edits of the embedded world, of 40 steps each; the workers' start included."""
    flags = ("method=dds", "method.n_steps=40", "limit=16", "engine.batch_size=2", "launch=devices")
    walls: dict[int, list[float]] = {1: [], 2: []}
    for number in range(repeats):
        for count, times in walls.items():
            words = (*SHAPES, *flags, "metrics=standard", f"launch.workers={count}")
            spent = spend((*IDS, *words, f"output_dir={number}-{count}"), folder)
            print(f"{count} workers: {spent}")
            times.append(spent.wall)
    ratio = statistics.median(walls[1]) / statistics.median(walls[2])
    print(f"two workers are {ratio:.2f} times as fast as one")


def growth(folder: Path, _: int) -> None:
    """Gaussian edits of one step in this process, each number in a store of its own."""
    empty = spend((*IDS, *GAUSSIAN, "dataset.count=1", "limit=null", "output_dir=1"), folder)
    print(f"1 job: {empty}")
    for jobs in (64, 256, 1024, 4096):
        words = (*GAUSSIAN, f"dataset.count={jobs}", "limit=null", f"output_dir={jobs}")
        spent = spend((*IDS, *words), folder)
        per_job = 1000 * (spent.cpu - empty.cpu) / jobs
        print(f"{jobs} jobs: {spent}; {per_job:.1f} CPU ms per job beyond the first")


def steps(folder: Path, _: int) -> None:
    """One Gaussian edit in this process, without and with kept states."""
    single = [word for word in GAUSSIAN if not word.startswith("method.n_steps")]
    for count in (10, 100, 1000):
        for kept in (0, 10):
            words = (*single, "limit=1", f"method.n_steps={count}", f"keep_every={kept}")
            spent = spend((*IDS, *words, f"output_dir={count}-{kept}"), folder)
            print(f"{count} steps, keep_every={kept}: {spent}")


def memory(folder: Path, _: int) -> None:
    """Plans of ten seeds per image, nothing made."""
    seeds = f"seeds={list(range(10))}"
    for jobs in (100, 1000, 10_000):
        words = (*GAUSSIAN, f"dataset.count={jobs // 10}", seeds, "limit=null", "--dry-run")
        print(f"{jobs} jobs: {spend((*IDS, *words), folder)}")


PARTS: Mapping[str, Callable[[Path, int], None]] = {
    part.__name__: part for part in (start, noop, units, workers, growth, steps, memory)
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    for part in given.parts:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{part}: {PARTS[part].__doc__}")
            PARTS[part](Path(folder), given.repeats)


if __name__ == "__main__":
    main()
