"""Gain by batching: seconds per edit and step, side by side against one by one, in one run.

    python benchmarks/batching.py                     # the embedded world, on this machine
    python benchmarks/batching.py --device cuda --batch 32

Compare only ratios between machines. Rounds are interleaved, so that a slow period of the machine
affects both sides; the table shows their median and spread.
"""

import argparse
import statistics
import time
from dataclasses import replace

import torch
from rich.console import Console
from rich.table import Table

from ids.backbones import StableDiffusion
from ids.config.build import build
from ids.config.compose import compose_all
from ids.core.edit import EditContext
from ids.core.protocols import Backbone
from ids.core.rng import Streams
from ids.data import Shapes
from ids.editing import DistillationEditor
from ids.representations import LatentSpace

METHODS = ("sds", "dds", "ids")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--path", default="shapes", help="shapes, a diffusers folder or a hub id")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    device = torch.device(args.device)
    size = 64 if args.path == "shapes" else 512
    backbone = StableDiffusion(args.path, precision=args.precision).load(device)
    table = Table(
        title=f"{args.path} {args.precision} on {device}, {torch.get_num_threads()} threads"
    )
    for header in ("method", "1 by 1, ms", f"{args.batch} at once, ms", "ratio", "spread"):
        table.add_column(header, justify="right")
    for method in METHODS:
        editor = replace(editor_of(method), n_steps=args.steps)
        sizes = (1, args.batch)
        for rows in sizes:
            _seconds(editor, backbone, rows, size, device)  # warm-up
        rounds = [
            [_seconds(editor, backbone, rows, size, device) for rows in sizes]
            for _ in range(args.rounds)
        ]
        ratios = [one / many for one, many in rounds]
        one, many = (statistics.median(column) * 1e3 for column in zip(*rounds, strict=True))
        spread = f"{min(ratios):.2f} .. {max(ratios):.2f}"
        table.add_row(
            method, f"{one:.1f}", f"{many:.1f}", f"{statistics.median(ratios):.2f}", spread
        )
    Console().print(table)
    print("milliseconds per edit and step")


def editor_of(words: str) -> DistillationEditor:
    """The editor of a method, with further overrides."""
    method, *overrides = words.split()
    (setting,) = compose_all([f"method={method}", *overrides])
    editor = build(setting.values["method"], "method")
    assert isinstance(editor, DistillationEditor)
    return editor


def _seconds(
    editor: DistillationEditor, backbone: Backbone, rows: int, size: int, device: torch.device
) -> float:
    """Seconds per edit and step."""
    dataset = Shapes(count=rows, size=size)
    cases = [dataset[i] for i in range(rows)]
    subject = LatentSpace().open(backbone, cases)
    rng = Streams.of(0, [case.id for case in cases])
    began = time.perf_counter()
    editor(EditContext(backbone, rng), subject)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - began) / (rows * editor.n_steps)


if __name__ == "__main__":
    main()
