"""From pressing return to the first edit: seconds of `ids` commands, each in a process of its own.

    python benchmarks/startup.py                # medians of three
    python benchmarks/startup.py --rounds 5

`first edit` is one edit of one step on the embedded world with all its metrics, or with those that
need no network. The last line names the slowest imports of that command, by their own seconds and
those of what they import.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

COMMANDS = {
    "ids --version": ["--version"],
    "ids list": ["list", "method"],
    "first edit, no networks": ["run", "metrics=standard"],
    "first edit": ["run"],
}
EDIT = "limit=1 method.n_steps=1 controls=none logger=none engine.threads=1"
SLOWEST = 6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    for name, words in COMMANDS.items():
        taken = [_seconds(words) for _ in range(rounds)]
        wall, cpu = (statistics.median(column) for column in zip(*taken, strict=True))
        print(f"{name:24} {wall:6.2f} s, {cpu:6.2f} s of CPU", flush=True)
    print(f"slowest imports: {', '.join(_imports(COMMANDS['first edit']))}")


def _seconds(words: Sequence[str]) -> tuple[float, float]:
    """On the wall, and of the CPU."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    _run([], words)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _imports(words: Sequence[str]) -> list[str]:
    """The slowest packages, with milliseconds."""
    seconds: dict[str, int] = {}
    for line in _run(["-X", "importtime"], words).splitlines():
        if line.startswith("import time:") and "cumulative" not in line:
            _, total, name = line.removeprefix("import time:").split("|")
            if "." not in name.strip():
                seconds[name.strip()] = int(total) // 1000
    return [f"{n} {ms} ms" for n, ms in sorted(seconds.items(), key=lambda x: -x[1])[:SLOWEST]]


def _run(flags: Sequence[str], words: Sequence[str]) -> str:
    """The command's messages."""
    with tempfile.TemporaryDirectory() as folder:
        more = [*EDIT.split(), f"output_dir={folder}"] if words[0] == "run" else []
        done = subprocess.run(
            [sys.executable, *flags, "-m", "ids.cli", *words, *more],
            capture_output=True,
            text=True,
            env={**os.environ, "WANDB_MODE": "offline", "HF_HUB_OFFLINE": "1"},
            check=False,
        )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stderr


if __name__ == "__main__":
    main()
