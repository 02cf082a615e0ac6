"""A tracker in memory, which may hang, fail or refuse."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from ids.config.entry import Prepared, prepare
from ids.core.logs import Cell, Pace, RunInfo
from ids.launch import launch

FAST = ("debug=fast", "method.n_steps=2", "logger=none", "controls=none", "method=dds")
QUICK = Pace(every=0.0, queue=1000, wait=30.0, images=1, image_side=16)


@dataclass
class Memory:
    """A tracker in memory: the events of all of its runs, and when each run was opened."""

    numbered: bool = False
    destination: str = "memory"
    pace: Pace = QUICK
    folder: Path = Path("outputs")
    hold: threading.Event | None = None  # a point waits for it
    error: Exception | None = None  # of a point
    axis: str = ""  # of the points that it is of; empty: of every one
    refused: Exception | None = None  # of a run
    infos: list[RunInfo] = field(default_factory=list)
    events: list[tuple[str, int, dict[str, float]]] = field(default_factory=list)
    tables: dict[str, tuple[list[str], list[list[Cell]]]] = field(default_factory=dict)
    summaries: list[dict[str, float]] = field(default_factory=list)
    results_at_open: list[int] = field(default_factory=list)
    finished: int = 0
    places: set[int] = field(default_factory=set)  # of all points
    threads: set[int] = field(default_factory=set)  # torch's, where it is called

    def open(self, info: RunInfo) -> "Memory":
        if self.refused:
            raise self.refused
        self.infos.append(info)
        self.points = info.points
        self.results_at_open.append(len(list(self.folder.glob("results/*/*/job.json"))))
        return self

    def uploads(self) -> list[str]:
        return []

    def scalars(self, axis: str, step: int, values: Mapping[str, float]) -> None:
        if self.hold:
            self.hold.wait(30)
        if self.error and self.axis in ("", axis):
            raise self.error
        self.threads.add(torch.get_num_threads())
        self.points += 1
        if self.numbered and self.points in self.places:
            return
        self.places.add(self.points)
        self.events.append((axis, step, dict(values)))

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        self.points += 1
        self.tables[name] = list(columns), [list(row) for row in rows]

    def summary(self, values: Mapping[str, float]) -> None:
        self.summaries.append(dict(values))

    def finish(self) -> None:
        self.finished += 1

    def steps(self, axis: str) -> list[int]:
        return [step for found, step, _ in self.events if found == axis]


def run(tracker: Memory, *words: str) -> None:
    keys = {word.partition("=")[0] for word in words}
    prepared = prepare([*(w for w in FAST if w.partition("=")[0] not in keys), *words])
    ready = [(s, replace(e, loggers=[tracker])) for s, e in prepared.ready]
    launched = launch(Prepared(ready, prepared.refused, prepared.sweep, ()))
    assert not launched.failed
