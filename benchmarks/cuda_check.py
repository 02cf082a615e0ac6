"""Checks of a GPU in two minutes: every method, in single and half precision, alone and in batches,
against the CPU; host synchronizations per step; memory; scenes; metrics; whole commands.

    python benchmarks/cuda_check.py                     # on the GPU
    python benchmarks/cuda_check.py --device cpu        # the same code on the CPU
    python benchmarks/cuda_check.py --only syncs fp16/topology --out FOLDER
    python benchmarks/cuda_check.py --quick             # a minute: one check of each kind

One line per check, `name ok|skip|FAIL numbers`, also in FOLDER/checks.txt; tracebacks of failures
are in FOLDER/tracebacks.txt. Status 1 if any check fails.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from device_checks.checks import SAMPLING, Machine, run_checks
from device_checks.graphs import graph_checks
from device_checks.memory import memory_checks
from device_checks.numbers import number_checks
from device_checks.scenes import scene_checks
from device_checks.waiting import waiting_checks
from device_checks.whole import start_commands, whole_checks

from ids.run.engine import set_tf32

QUICK = ["network", "graphs", "fp32/shapes/ids", "halving", "scenes", "run"]
QUICK += [f"syncs/{name}" for name in ("dds", "cds", "ids", "sdedit")]
QUICK += [
    f"{precision}/{world}/{method}"
    for precision, world in (("fp32", "shapes"), ("fp32", "topology"), ("fp16", "topology"))
    for method in SAMPLING
]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("outputs/cuda_check"))
    parser.add_argument("--only", nargs="+", default=[""], metavar="NAME", help="prefixes")
    parser.add_argument("--quick", action="store_true", help="the most important ones")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    device, began = torch.device(args.device), time.perf_counter()
    if device.type == "cuda" and not torch.cuda.is_available():
        print("--device: expected a device of this machine; got cuda; set --device cpu")
        return 2
    print(_title(device), flush=True)
    every = [*number_checks(), *graph_checks(), *waiting_checks(), *memory_checks()]
    every += [*scene_checks(), *whole_checks()]
    names = tuple(QUICK if args.quick else args.only)
    chosen = [check for check in every if check.name.startswith(names)]
    machine = Machine(device, args.out)
    set_tf32(False)
    if args.quick:
        start_commands(machine)
    passed = list(run_checks(chosen, machine))
    failed = [check.name for check, good in zip(chosen, passed, strict=True) if not good]
    print(
        f"{sum(passed)} of {len(passed)} without a failure in {time.perf_counter() - began:.0f} s"
    )
    print(f"failed: {', '.join(failed) or 'none'}")
    return int(bool(failed))


def _title(device: torch.device) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return f"{name}, torch {torch.__version__}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    sys.exit(main())
