"""Results as JSON, written after every cell, and as a Markdown table."""

import json
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import torch

from ids import __version__
from ids.run import Engine

HEADERS = (
    *("world", "method", "images x prompts", "released ms", "plain ms", "eager ms", "engine ms"),
    *("released / engine", "plain / engine", "F + G", "MB released", "MB engine", "of product"),
)
NOTE = (
    "Milliseconds per edit and step, median: on a GPU by its events, on a CPU those of the "
    "process, which runs one thread. Ratios are medians of interleaved rounds with the smallest "
    "and the largest; more than 1 is faster than that loop. F + G: forwards and backwards of one "
    "sample per edit and step. MB: peak above the weights. Of product: share of the speed of a "
    "large matrix product in the same run. Eager: without CUDA graphs and "
    "channels_last. The JSON file has wall and CPU seconds of both devices."
)


def environment(device: torch.device, precision: str) -> dict[str, Any]:
    """Device and versions; no name of a machine, no path."""
    described = Engine().describe(device)
    return {
        "device": described["device"],
        "kind": device.type,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count() or 0,
        "precision": precision,
        "ids": __version__,
        "torch": str(torch.__version__),
        "diffusers": str(diffusers.__version__),
        "python": platform.python_version(),
    }


@dataclass(frozen=True)
class Results:
    """The file of a run. Every `put` leaves it complete on the disk."""

    path: Path
    head: dict[str, Any]
    cells: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, name: str, record: dict[str, Any]) -> None:
        """Add a cell and write both files."""
        self.cells[name] = record
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {**self.head, "cells": self.cells}
        for path, text in (
            (self.path, json.dumps(content, indent=1) + "\n"),
            (self.path.with_suffix(".md"), self.markdown()),
        ):
            fresh = path.with_name(path.name + ".new")
            fresh.write_text(text)
            fresh.replace(path)

    def markdown(self) -> str:
        """Environment, table, and the cells that failed."""
        head = ", ".join(f"{name} {value}" for name, value in self.head["environment"].items())
        lines = [f"# {self.head['title']}", "", head, "", self.head["note"], "", NOTE, ""]
        lines += [_line(HEADERS), _line(["---"] * len(HEADERS))]
        lines += [_line(row_of(name, r)) for name, r in self.cells.items() if "sides" in r]
        failed = [f"- {name}: {r['error']}" for name, r in self.cells.items() if "error" in r]
        return "\n".join([*lines, *([""] if failed else []), *failed]) + "\n"


def row_of(name: str, record: Mapping[str, Any]) -> list[str]:
    """The cells of a line of the table."""
    world, method, size = name.split("/")
    size = re.sub(r"(\d)x(\d)", r"\1 x \2", size)
    sides, ratio = record["sides"], record["ratio"]
    engine = sides["engine"]
    ms = [_side(sides, loop, lambda s: _median(s, record["clock"])) for loop in LOOPS]
    passes = f"{engine['forwards']:g} + {engine['backwards']:g}"
    return [
        *(world, method, size, *ms),
        *(_ratio(ratio.get(loop)) for loop in LOOPS[:2]),
        passes,
        _side(sides, "released", lambda s: f"{s['peak_mb']:.4g}"),
        f"{engine['peak_mb']:.4g}",
        f"{100 * engine['share_of_product']:.0f} %",
    ]


LOOPS = ("released", "plain", "engine-eager", "engine")


def summary(cells: Mapping[str, Mapping[str, Any]]) -> str:
    """A narrow line per cell: milliseconds, ratios, megabytes."""
    lines = [f"{'cell':38} {'ms: ' + ' / '.join(LOOPS):44} ratios             MB"]
    for name, record in cells.items():
        if "error" in record:
            lines.append(f"{name:38} {record['error'][:60]}")
            continue
        sides, ratio = record["sides"], record["ratio"]
        clock = record["clock"]
        ms = " / ".join(_median(sides[s], clock) if s in sides else "-" for s in LOOPS)
        ratios = " / ".join(f"{ratio[s]['median']:.2f}" if s in ratio else "-" for s in LOOPS[:3])
        mb = " / ".join(f"{sides[s]['peak_mb']:.0f}" if s in sides else "-" for s in LOOPS)
        share = f"{100 * sides['engine']['share_of_product']:.0f} %"
        lines.append(f"{name:38} {ms:44} {ratios:18} {mb}  {share}")
    return "\n".join(lines)


def _median(side: Mapping[str, Any], clock: str) -> str:
    return f"{side[clock]['median']:.4g}"


def _side(sides: Mapping[str, Any], name: str, show: Any) -> str:
    return str(show(sides[name])) if name in sides else "-"


def _ratio(found: Mapping[str, float] | None) -> str:
    if found is None:
        return "-"
    return f"{found['median']:.2f} ({found['min']:.2f} .. {found['max']:.2f})"


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"
