"""Cost of the store: CPU time, flushes and files of small edits, and tables over many results.

    python benchmarks/store.py                   4,096 edits of one step; tables over 10,000 results
    python benchmarks/store.py --edits 512 --results 2000

Seconds are of this machine, CPU time of one thread. The tables run as `ids` commands, imports
included.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.core.records import EditCase, Edited, Measurement
from ids.core.rows import RowSelection
from ids.data import Shapes
from ids.run.job import Job, Setting
from ids.run.manifest import Manifests, survey
from ids.run.records import MetricsRecord, MetricValue
from ids.run.store import Store

FAST = ("debug=fast", "method=dds", "method.n_steps=1", "controls=none", "limit=null")
METRICS = ("psnr", "psnr_background", "ssim_background", "psnr_truth", "success", "latent_distance")
STATES = 21  # a result keeps this many: 200 steps, every tenth
SETTINGS = 8


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edits", type=int, default=4096)
    parser.add_argument("--results", type=int, default=10_000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        small_edits(args.edits, Path(folder, "edits"))
        tables(args.results, Path(folder, "tables"))


def small_edits(count: int, root: Path) -> None:
    """Gaussian edits of one step with metrics and logs; loading is not counted."""
    flushes = Counted(os.fsync)
    os.fsync = flushes  # type: ignore[assignment]  # counted, and still done
    _experiment(8, root / "first").run(root / "first")
    flushes.calls, experiment = 0, _experiment(count, root)
    before = _cpu()
    experiment.run(root / "run")
    spent = 1000 * (_cpu() - before) / count
    files = sum(path.is_file() for path in (root / "results").rglob("*"))
    print(f"{count} edits of one step, each: {spent:.1f} ms CPU", end=", ")
    print(f"{flushes.calls / count:.2f} flushes, {files / count:.1f} files")


class Counted:
    """A function that counts its calls."""

    def __init__(self, function: Any) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        return self.function(*args)


def _experiment(count: int, root: Path) -> Any:
    words = [*FAST, f"dataset.count={count}", f"output_dir={root}", "engine.threads=1"]
    (setting,) = compose_all(words)
    return build_experiment(setting)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tables(count: int, root: Path) -> None:
    """`ids table`, plain and matched, over generated results with states."""
    fill(Store(root), count)
    for words in ([], ["--matched", "--axis", "latent_distance", "--at", "0.4"]):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "ids.cli", "table", "--output-dir", str(root), *words],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        print(f"ids table {' '.join(words)}: {time.perf_counter() - began:.1f} s, {count} results")


def fill(store: Store, count: int, side: int = 0) -> list[EditCase]:
    """Generated results with states; images of `side` pixels, all different (0: equal ones)."""
    seen = survey(Shapes(count=count // SETTINGS), RowSelection())
    Manifests(store.root / "datasets", store.claims, store.numbers).add(seen)
    z = torch.zeros(1, 2, 2)
    edited, generator = Edited(torch.zeros(3, 8, 8), z, z), torch.Generator().manual_seed(0)
    kept = {10 * step: z for step in range(STATES)}
    for number in range(SETTINGS):
        name = "dds" if number % 2 else "ids"
        method = {"guidance_scale": 1 + number // 2, "name": name}
        setting = Setting(name, method, "gaussian", {"weights": "none"}, {})
        jobs = [Job(setting, c, 0, (c.prompt_src, c.prompt_trg)) for c in seen.cases]
        for job in jobs:
            if side:
                edited = replace(edited, image=torch.rand(3, side, side, generator=generator))
            store.put(job, edited, {}, kept if side else {}, keep_every=10)
            store.numbers.add_metrics(_numbers(job, generator))
        for at in range(0, len(jobs), 8):
            keys = [job.key for job in jobs[at : at + 8]]
            store.numbers.put_measurement("cpu", {"device": "x"}, keys, Measurement(1, 800, 0, 1e9))
    store.close()
    return list(seen.cases)


def _numbers(job: Job, generator: torch.Generator) -> MetricsRecord:
    drawn = torch.rand(len(METRICS), STATES, generator=generator).double()
    along = (drawn * 0.1 + torch.linspace(0, 1, STATES)).tolist()
    names = [f"{name}@1" for name in METRICS]
    values = {k: MetricValue(v[-1], "", True) for k, v in zip(names, along, strict=True)}
    return MetricsRecord(
        key=job.key,
        case=job.case.digest,
        values=values,
        steps=[10 * step for step in range(STATES)],
        along=dict(zip(names, along, strict=True)),
    )


if __name__ == "__main__":
    main()
