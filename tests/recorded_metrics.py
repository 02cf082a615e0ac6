"""The recorded evaluation numbers in `golden_metrics`, and the metrics that reproduce them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from metric_replay.folder import STACKS, Folder, open_folder
from metric_replay.lines import Line
from metric_replay.pixels import metric_lines, pixel_metrics

from ids.core.protocols import Metric
from ids.metrics.pie.parts import Stack
from ids.run.session import LoadedModels

GOLDEN = Path(__file__).parent / "golden_metrics"
NORMAL, STRIP, WHOLE, TINY = "100000000000", "600000000002", "900000000003", "200000000005"
MODELS = LoadedModels(torch.device("cpu"))


@dataclass(frozen=True)
class Recorded:
    """The folder, and the metrics of each stack."""

    folder: Folder
    metrics: Mapping[Stack, Mapping[str, Metric]]

    def lines(self, stack: Stack, start: str, *ids: str) -> list[Line]:
        """Of the metrics whose column begins so, on the pairs of these ids (default: all)."""
        pairs = [pair for pair in self.folder.pairs if not ids or pair.id in ids]
        metrics = {k: m for k, m in self.metrics[stack].items() if k.startswith(start)}
        return list(metric_lines(replace(self.folder, pairs=pairs), stack, metrics, MODELS))


@contextmanager
def open_recorded() -> Iterator[Recorded]:
    with open_folder(GOLDEN) as folder:
        yield Recorded(folder, {stack: pixel_metrics(folder, stack) for stack in STACKS})


def failed(found: Iterable[Line]) -> set[str]:
    """The lines that fail, by `pair/number`."""
    return {
        "/".join([pair, what])
        for pair, _, what in (line.name.split("/") for line in found if line.status == "FAIL")
    }


def of(what: str, *ids: str) -> set[str]:
    return {f"{pair}/{name}" for pair in ids for name in what.split()}
