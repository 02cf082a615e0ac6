"""Log lines in a file: always there, read by anything."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ids.core.tensors import Image


@dataclass(frozen=True)
class JsonLines:
    """Appends to `folder/<method>.jsonl`, one object a line: config, curve points, edits, summary.
    Images are in the store.
    """

    folder: str

    @contextmanager
    def run(self, name: str, group: str, config: Mapping[str, Any]) -> Iterator["JsonLinesRun"]:
        path = Path(self.folder) / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as stream:
            run = JsonLinesRun(stream)
            run.write({"event": "config", "time": time.time(), "group": group, "config": config})
            yield run


@dataclass(frozen=True)
class JsonLinesRun:
    """One open file."""

    stream: TextIO

    def scalars(self, axis: str, step: int, values: Mapping[str, float]) -> None:
        self.write({"event": axis, "step": step, **values})

    def image(self, name: str, x: Image, caption: str) -> None:
        self.write({"event": "image", "name": name, "caption": caption})

    def summary(self, values: Mapping[str, float]) -> None:
        self.write({"event": "summary", **values})

    def write(self, line: Mapping[str, Any]) -> None:
        self.stream.write(json.dumps(line) + "\n")
