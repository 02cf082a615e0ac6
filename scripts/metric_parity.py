"""Replay a folder of recorded evaluation numbers through the metrics that `ids run` builds.

    python scripts/metric_parity.py tests/golden_metrics  # a line per pair, stack and number
    python scripts/metric_parity.py FOLDER --only pixels  # one part of the metrics

The numbers come from the released evaluation code of PIE-Bench and InstructPix2Pix (see the
folder's README.md), run with two sets of package versions: `reference`, those of published tables,
and `current`. Status 1 on any FAIL or without any ok, 2 without such a folder.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import torch
from metric_replay.clip import clip
from metric_replay.folder import STACKS, Folder, open_folder
from metric_replay.lines import Line, guarded, missing_lines
from metric_replay.pixels import pixels
from metric_replay.structure import structure

from ids.core.weight_files import one_line

Replay = Callable[[Folder], Iterator[Line]]
REPLAYS: dict[str, Replay] = {"pixels": pixels, "clip": clip, "structure": structure}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=REPLAYS, help="one part of the metrics")
    args = parser.parse_args()
    if not (args.folder / "expected.json").is_file():
        print(f"{args.folder}: expected a folder with expected.json; it has none")
        return 2
    torch.set_num_threads(1)
    with ExitStack() as opened:
        try:
            folder = opened.enter_context(open_folder(args.folder))
        except Exception as error:  # any fault of a foreign folder is one line
            print(f"{args.folder}: expected recorded numbers; {one_line(error)}")
            return 2
        statuses = set()
        for line in _lines(folder, [args.only] if args.only else list(REPLAYS)):
            print(line, flush=True)
            statuses.add(line.status)
    return 0 if "ok" in statuses and "FAIL" not in statuses else 1


def _lines(folder: Folder, parts: list[str]) -> Iterator[Line]:
    """All comparisons, then the recorded numbers that none of them covers: a failure, unless only
    some parts were chosen.
    """
    lines: list[Line] = []
    yield from (Line(name, "FAIL", fault) for name, fault in folder.faults.items())
    for part in parts:
        for line in guarded(part, REPLAYS[part](folder)):
            lines.append(line)
            yield line
    status: Literal["FAIL", "skipped"] = "FAIL" if parts == list(REPLAYS) else "skipped"
    yield from missing_lines(_recorded(folder), lines, status)


def _recorded(folder: Folder) -> list[str]:
    """Every metric of every pair and stack that the released table has."""
    return [
        pair.name(stack, name)
        for pair in folder.pairs
        for stack in STACKS
        for name in pair.recorded.get(stack, {})
    ]


if __name__ == "__main__":
    sys.exit(main())
