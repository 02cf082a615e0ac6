"""Replay a folder of recorded evaluation numbers through the metrics that `ids run` builds.

    python scripts/metric_parity.py tests/golden_metrics  # a line per pair, stack and number
    python scripts/metric_parity.py FOLDER --only pixels  # one part of the metrics

The numbers come from the released evaluation code of PIE-Bench and InstructPix2Pix (see the
folder's README.md), run with two sets of package versions: `reference`, those of published tables,
and `current`. Status 1 on any FAIL, 2 without such a folder.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import torch
from metric_replay.clip import clip
from metric_replay.folder import STACKS, Folder, open_folder
from metric_replay.lines import Line, missing_lines
from metric_replay.pixels import pixels
from metric_replay.structure import structure

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
    lines = []
    with open_folder(args.folder) as folder:
        for line in _lines(folder, [args.only] if args.only else list(REPLAYS)):
            print(line, flush=True)
            lines.append(line)
    return int(any(line.status == "FAIL" for line in lines))


def _lines(folder: Folder, parts: list[str]) -> Iterator[Line]:
    """All comparisons, then the recorded numbers that none of them covers: a failure, unless only
    some parts were chosen.
    """
    lines: list[Line] = []
    for part in parts:
        for line in _guarded(part, folder):
            lines.append(line)
            yield line
    status: Literal["FAIL", "skipped"] = "FAIL" if parts == list(REPLAYS) else "skipped"
    yield from missing_lines(_recorded(folder), lines, status)


def _guarded(part: str, folder: Folder) -> Iterator[Line]:
    try:
        yield from REPLAYS[part](folder)
    except Exception as error:  # any fault of a foreign folder is one line
        yield Line(part, "FAIL", f"{type(error).__name__}: {error}")


def _recorded(folder: Folder) -> list[str]:
    """Every metric of every pair and stack that the released table has."""
    return [
        pair.name(stack, name)
        for pair in folder.pairs
        for stack in STACKS
        for name in pair.recorded[stack]
    ]


if __name__ == "__main__":
    sys.exit(main())
