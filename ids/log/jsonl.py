"""Logs as JSON lines: no account, no service."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ids.core.numbers import Number, to_number
from ids.core.tensors import Image


@dataclass(frozen=True)
class JsonLines:
    """Appends to `folder/<method>.jsonl`, one object per line: configuration, curve points, edits,
    summary. Infinity is `"inf"`. Images stay in the store.
    """

    folder: str

    @contextmanager
    def run(self, name: str, group: str, config: Mapping[str, Any]) -> Iterator["JsonLinesRun"]:
        """Open the method's file; its first line is the configuration."""
        path = Path(self.folder) / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as stream:
            run = JsonLinesRun(stream)
            run.write({"event": "config", "time": time.time(), "group": group, "config": config})
            yield run


@dataclass(frozen=True)
class JsonLinesRun:
    """An open file of log lines."""

    stream: TextIO

    def scalars(self, axis: str, step: int, values: Mapping[str, float]) -> None:
        """A point of a curve, or the metrics of an edit."""
        self.write({"event": axis, "step": step, **_in_json(values)})

    def image(self, name: str, x: Image, caption: str) -> None:
        """The name and caption of an image; its pixels are in the store."""
        self.write({"event": "image", "name": name, "caption": caption})

    def summary(self, values: Mapping[str, float]) -> None:
        """The means over all edits."""
        self.write({"event": "summary", **_in_json(values)})

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one object as a line."""
        self.stream.write(json.dumps(line) + "\n")


def _in_json(values: Mapping[str, float]) -> dict[str, Number]:
    return {name: to_number(value) for name, value in values.items()}
