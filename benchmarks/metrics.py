"""Speed of every metric of the configuration, on images of 512 pixels.

    python benchmarks/metrics.py                      # 32 images per metric; all metrics
    python benchmarks/metrics.py --only lpips ssim    # those whose name begins so
    python benchmarks/metrics.py --device cuda --clip vit_b32

Networks have their true architecture and random weights, made here: speed does not depend on their
values. A metric whose first image takes long is measured on fewer images, and on four at least; the
time of 700 images, PIE-Bench's number, is extrapolated. Compare only ratios between machines.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from metric_work.cases import make_edits
from metric_work.clock import NetworkClock, now
from metric_work.imports import import_cost
from metric_work.weights import random_weights
from rich.console import Console
from rich.table import Table

from ids.config.build import build
from ids.config.compose import compose_all
from ids.config.sources import find_sources
from ids.core.errors import IdsError
from ids.core.protocols import Metric
from ids.run.judge import judge_edits
from ids.run.session import LoadedModels

SIDE = 512
LEAST = 4  # images
PIE_BENCH = 700
PLACE = "measured"  # of the metric in the configuration
HEADERS = ("metric", "images", "images/s", "outside network", "batched, ratio", "700 images, s")


@dataclass(frozen=True)
class Speed:
    """Seconds for `images` images in batches, those of them outside the network, and one by one.
    `outside` is None for a metric without a network.
    """

    images: int
    batched: float
    single: float
    outside: float | None

    def cells(self) -> tuple[str, ...]:
        """As in `HEADERS`, without the name."""
        share = "-" if self.outside is None else f"{100 * self.outside / self.batched:.1f} %"
        return (
            str(self.images),
            f"{self.images / self.batched:.2f}",
            share,
            f"{self.single / self.batched:.2f}",
            f"{PIE_BENCH * self.batched / self.images:.0f}",
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[""], metavar="NAME")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=20, help="about, per metric and pass")
    parser.add_argument("--clip", default="vit_l14", help="vit_l14, vit_b16 or vit_b32")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    device = torch.device(args.device)
    names = find_sources().options("metric")
    names = [name for name in names if name.startswith(tuple(args.only))]
    table = Table(title=f"{SIDE} px on {device}, {torch.get_num_threads()} threads, random weights")
    for header in HEADERS:
        table.add_column(header, justify="left" if header == "metric" else "right")
    left_out: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            try:
                metric = metric_of(name, args.clip, Path(folder))
                speed = measure(metric, device, args.images, args.seconds)
                table.add_row(name, *speed.cells())
            except IdsError as error:  # a network that cannot be made here
                left_out.append(f"{name}: left out: {error}")
    Console(width=110).print(table)
    print("\n".join(left_out))
    for line in import_cost():
        print(line)


def metric_of(name: str, clip: str, folder: Path) -> Metric:
    """The metric that `ids run +metric=NAME` builds, with random weights for missing ones."""
    (setting,) = compose_all([f"+metric@metrics.{PLACE}={name}", f"clip={clip}"])
    node = setting.values["metrics"][PLACE]
    random_weights(node, folder)
    metric = build(node, f"metrics.{PLACE}", setting.sources.classes)
    assert isinstance(metric, Metric)
    return metric


def measure(metric: Metric, device: torch.device, images: int, seconds: float) -> Speed:
    """In batches as in a run, then one by one. Every image is new: features are remembered."""
    models = LoadedModels(device)
    judge_edits(make_edits(1, SIDE, seed=0), {"metric": metric}, models)  # loads and warms up
    began = now(device)
    judge_edits(make_edits(1, SIDE, seed=1), {"metric": metric}, models)
    one = now(device) - began
    count = max(LEAST, min(images, int(seconds / one)))
    together, alone = make_edits(count, SIDE, seed=2), make_edits(count, SIDE, seed=3)
    with NetworkClock(models, device) as clock:
        began = now(device)
        judge_edits(together, {"metric": metric}, models)
        batched = now(device) - began
        inside = clock.seconds
    began = now(device)
    for edit in alone:
        judge_edits([edit], {"metric": metric}, models)
    single = now(device) - began
    return Speed(count, batched, single, batched - inside if clock.found else None)


if __name__ == "__main__":
    main()
