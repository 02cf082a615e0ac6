"""Offline runs of Weights & Biases, read back."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

BLOCK, HEAD = 32768, 7


@dataclass
class OfflineRun:
    """What one file holds: a run, its configuration, the points of its history, its summary."""

    id: str = ""
    name: str = ""
    group: str = ""
    job_type: str = ""
    notes: str = ""
    host: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    history: dict[str, list[Any]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)

    def table(self, name: str, folder: Path) -> list[dict[str, Any]]:
        """The rows of a table as it was logged last."""
        path = folder / "files" / self.history[name][-1]["path"]
        content = json.loads(path.read_text())
        return [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]


def read_run(file: Path) -> OfflineRun:
    """The content of a .wandb file."""
    run = OfflineRun()
    for record in records(file):
        match record.WhichOneof("record_type"):
            case "run":
                one = record.run
                run.id, run.name, run.group = one.run_id, one.display_name, one.run_group
                run.job_type, run.notes, run.host = one.job_type, one.notes, one.host
                run.tags = list(one.tags)
                run.config |= _items(one.config.update)
            case "history":
                values: dict[str, Any] = {}
                for key, value in _items(record.history.item).items():
                    name, *below = key.split("\0")
                    if below:
                        values.setdefault(name, {})["/".join(below)] = value
                    else:
                        values[name] = value
                for key, value in values.items():
                    run.history.setdefault(key, []).append(value)
            case "summary":
                run.summary |= _items(record.summary.update)
    return run


def points_of(file: Path) -> dict[int, dict[str, Any]]:
    """The points of a .wandb file by their number; each has one point."""
    found: dict[int, dict[str, Any]] = {}
    for record in records(file):
        if record.WhichOneof("record_type") == "history":
            point = _items(record.history.item)
            number = point.get("_step", record.history.step.num)
            assert number not in found
            found[number] = point
    return found


def records(path: Path) -> Iterator[Record]:
    """The records of a .wandb file: LevelDB's log format after a header of seven bytes. Private to
    wandb, so it is read here and nowhere else.
    """
    data, at, pending = path.read_bytes(), HEAD, b""
    while at + HEAD <= len(data):
        left = BLOCK - at % BLOCK
        if left < HEAD:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + HEAD])
        if kind == 0:
            at += left
            continue
        pending += data[at + HEAD : at + HEAD + length]
        at += HEAD + length
        if kind in (1, 4):
            record = Record()
            record.ParseFromString(pending)
            pending = b""
            yield record


def _items(node: Any) -> dict[str, Any]:
    """By key; the parts of a nested key are joined by a zero byte."""
    return {i.key or "\0".join(i.nested_key): json.loads(i.value_json) for i in node}
