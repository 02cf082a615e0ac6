"""Checks of a GPU in two minutes: every method, in single and half precision, alone and in batches,
against the CPU; host synchronizations per step; memory; metrics; whole commands.

    python benchmarks/cuda_check.py                     # on the GPU
    python benchmarks/cuda_check.py --device cpu        # the same code on the CPU
    python benchmarks/cuda_check.py --only syncs fp16/topology --out FOLDER

One line per check, `name ok|skip|FAIL numbers`, also in FOLDER/checks.txt; tracebacks of failures
are in FOLDER/tracebacks.txt. Status 1 if any check fails.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from device_checks.checks import Machine, run_checks
from device_checks.memory import memory_checks
from device_checks.numbers import number_checks
from device_checks.waiting import waiting_checks
from device_checks.whole import whole_checks


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("outputs/cuda_check"))
    parser.add_argument("--only", nargs="+", default=[""], metavar="NAME", help="prefixes")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    device, began = torch.device(args.device), time.perf_counter()
    if device.type == "cuda" and not torch.cuda.is_available():
        print("--device: expected a device of this machine; got cuda; set --device cpu")
        return 2
    print(_title(device), flush=True)
    every = [*number_checks(), *whole_checks(), *waiting_checks(), *memory_checks()]
    chosen = [check for check in every if check.name.startswith(tuple(args.only))]
    passed = list(run_checks(chosen, Machine(device, args.out)))
    print(
        f"{sum(passed)} of {len(passed)} without a failure in {time.perf_counter() - began:.0f} s"
    )
    return int(not all(passed))


def _title(device: torch.device) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return f"{name}, torch {torch.__version__}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    sys.exit(main())
