"""Time of a report, from a frame of results to Markdown, and the share of the bootstrap.

    python benchmarks/tables.py                       # 8 settings of 1,250 edits, 21 states each
    python benchmarks/tables.py --settings 40 --cases 100 --seeds 3

The frames are generated; reading the store is not part of it. Masks are missing in a third of the
cases, so that columns average over different ones.
"""

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from ids.report.formats import markdown
from ids.results.grids import Report
from ids.results.matched import matched_report
from ids.results.methods import Question
from ids.results.table import table

METRICS = (
    *("psnr", "psnr_background", "ssim_background", "lpips_alex", "lpips_vgg", "feature_distance"),
    *("psnr_truth", "clip_score", "clip_directional", "clip_image", "latent_distance"),
)
MASKED = ("psnr_background", "ssim_background")
STATES = 21


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", type=int, default=8)
    parser.add_argument("--cases", type=int, default=625)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    shape = (args.settings, args.cases, args.seeds)
    results, states = frame_of(*shape, 1), frame_of(*shape, STATES)
    print(f"{len(results)} results, {len(states)} states")
    reports = {
        "table": lambda: table("results", results),
        "matched, one level": lambda: matched_report("states", states, Question(levels=(0.8,))),
        "matched": lambda: matched_report("states", states, Question()),
    }
    for name, make in reports.items():
        print(f"{name:20} {fastest(make, args.rounds):7.2f} s")


def fastest(make: Callable[[], Report], rounds: int) -> float:
    """Seconds of the fastest round: other processes slow the others down."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        markdown(make())
        taken.append(time.perf_counter() - start)
    return min(taken)


def frame_of(n_settings: int, n_cases: int, n_seeds: int, n_states: int) -> pd.DataFrame:
    """A line per setting, case, seed and state, as `ids table` reads them from the store."""
    shape = (n_settings, n_cases, n_seeds, n_states)
    setting, case, seed, state = (axis.ravel() for axis in np.indices(shape))
    rng = np.random.default_rng(0)
    lines = pd.DataFrame({"label": [f"{_method(k)} (guidance_scale={k})" for k in setting]})
    settings = [_values(k) for k in range(n_settings)]
    lines["key"] = [f"{k:02x}{c:06x}{s:04x}" for k, c, s in zip(setting, case, seed, strict=True)]
    lines["values"] = [settings[k] for k in setting]
    lines["status"], lines["reason"], lines["engine"] = "ok", "", "cpu, batch 8"
    lines["case"] = [f"{c:08x}" for c in case]
    lines["seed"], lines["step"], lines["nfe"] = seed, 10.0 * state, 40.0 * state
    lines["seconds"], lines["peak_mb"], lines["batch"] = 1.0, 900.0, lines["key"]
    reached = (state + 1) / n_states * (1 + 0.02 * setting)
    lines["success"] = (rng.random(len(lines)) < reached).astype(float)
    for metric in METRICS:
        lines[metric] = reached + 0.1 * rng.standard_normal(len(lines))
    lines.loc[case % 3 == 0, list(MASKED)] = math.nan
    return lines.drop(columns="step" if n_states == 1 else ["status", "reason", "seconds"])


def _method(index: int) -> str:
    return ("dds", "ids", "sds", "cds")[index % 4]


def _values(index: int) -> dict[str, str]:
    """Forty values; settings differ in two of them."""
    shared = {f"optimizer.value_{k}": str(k) for k in range(38)}
    return shared | {"name": _method(index), "guidance_scale": str(index)}


if __name__ == "__main__":
    main()
