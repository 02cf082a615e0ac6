"""Logs as JSON lines: no account, no service."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TextIO

from ids.core.logs import Cell, Pace, RunInfo
from ids.core.numbers import Number, to_number


@dataclass(frozen=True)
class JsonLines:
    """Appends to `folder/<method>.jsonl`, one object per line: configuration, curve points, edits,
    progress, summary. Infinity is `"inf"`. Images stay in the store.
    """

    folder: str
    every: float = 1.0
    queue: int = 10_000
    wait: float = 30.0

    def __post_init__(self) -> None:
        _ = self.pace  # its numbers are checked

    @property
    def pace(self) -> Pace:
        """How it is fed."""
        return Pace(self.every, self.queue, self.wait, images=0, image_side=16)

    @property
    def destination(self) -> str:
        """Its folder."""
        return str(Path(self.folder).resolve())

    def open(self, info: RunInfo) -> "JsonLinesRun":
        """Open the method's file; the first line of a run is its configuration."""
        path = Path(self.folder) / f"{info.name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        run = JsonLinesRun(path.open("a", encoding="utf-8"), info.id, info.points)
        if info.config:
            about = {"event": "config", "time": time.time(), "label": info.label}
            run.write(about | {"group": info.group, "config": info.config})
        return run

    def uploads(self) -> list[str]:
        """None: files are their own end."""
        return []


@dataclass
class JsonLinesRun:
    """An open file of log lines, each with the id of its run."""

    numbered: ClassVar[bool] = False  # a line is written at once
    stream: TextIO
    id: str
    points: int

    def scalars(self, axis: str, step: int, values: Mapping[str, float]) -> None:
        """A point of each curve."""
        self.points += 1
        self.write({"event": axis, "step": step, **_in_json(values)})

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Nothing: every edit and every step has a line."""

    def summary(self, values: Mapping[str, float]) -> None:
        """The means over all edits, their intervals and counts."""
        self.write({"event": "summary", **_in_json(values)})

    def finish(self) -> None:
        """Close the file."""
        self.stream.close()

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one object as a line."""
        self.stream.write(json.dumps({**line, "run": self.id}) + "\n")
        self.stream.flush()


def _in_json(values: Mapping[str, float]) -> dict[str, Number]:
    return {name: to_number(value) for name, value in values.items()}
