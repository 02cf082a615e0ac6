"""The table: a line per method, numbers with intervals, differences paired to a baseline."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table as RichTable

from ids.report.rows import in_order
from ids.report.statistics import by_case, estimate, paired_difference


@dataclass(frozen=True)
class Column:
    """A column of the frame as people read it. `better`: 1 up, -1 down, 0 neither."""

    key: str
    title: str
    better: int = 0


COLUMNS = (
    Column("psnr", "PSNR dB", 1),
    Column("psnr_background", "background PSNR dB", 1),
    Column("ssim_background", "background SSIM", 1),
    Column("psnr_truth", "PSNR to true edit dB", 1),
    Column("strength", "strength"),
    Column("seconds", "s / edit", -1),
    Column("passes", "passes / edit"),
    Column("peak_mb", "peak MB", -1),
)
ARROWS = {1: " ↑", -1: " ↓", 0: ""}


@dataclass(frozen=True)
class ResultTable:
    """Cells as text, and what they stand on."""

    title: str
    headers: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    keys: tuple[str, ...]  # of every result behind it

    def print(self, console: Console) -> None:
        table = RichTable(title=self.title, title_justify="left", header_style="bold", expand=False)
        for index, header in enumerate(self.headers):
            table.add_column(header, justify="left" if index == 0 else "right", overflow="fold")
        for line in self.lines:
            table.add_row(*line)
        console.print(table)
        for note in self.notes:
            console.print(note, style="dim", markup=False, highlight=False)

    def markdown(self) -> str:
        rows = [self.headers, tuple("---" for _ in self.headers), *self.lines]
        body = "\n".join("| " + " | ".join(row) + " |" for row in rows)
        return f"# {self.title}\n\n{body}\n\n" + "".join(f"{note}\n\n" for note in self.notes)

    def write(self, folder: Path, name: str) -> Path:
        """name.md, name.csv, and the keys behind them."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.md").write_text(self.markdown())
        pd.DataFrame(self.lines, columns=list(self.headers)).to_csv(
            folder / f"{name}.csv", index=False
        )
        (folder / f"{name}.provenance.json").write_text(
            json.dumps({"title": self.title, "results": self.keys})
        )
        return folder / f"{name}.md"


def tables(frame: pd.DataFrame, baseline: str = "dds") -> list[ResultTable]:
    """One table per data set and backbone."""
    if frame.empty:
        return []
    groups = frame.groupby(["dataset", "backbone"], sort=True)
    return [
        _table(str(dataset), str(backbone), group, baseline)
        for (dataset, backbone), group in groups
    ]


def _table(dataset: str, backbone: str, frame: pd.DataFrame, baseline: str) -> ResultTable:
    done = frame[frame["status"] == "ok"].copy()
    done["passes"] = done["forwards"] + done["backwards"] if len(done) else pd.Series(dtype=float)
    columns = [c for c in COLUMNS if c.key in done and done[c.key].notna().any()]
    labels = in_order(frame["label"])
    bases = [label for label in labels if label.split(" ")[0] == baseline]
    base = done[done["label"] == bases[0]] if bases else None
    lines = []
    for label in labels:
        ours, asked = done[done["label"] == label], frame[frame["label"] == label]
        cells = [
            _cell(ours, column, base, label == (bases[0] if bases else None)) for column in columns
        ]
        lines.append((label, _count(asked), *cells))
    headers = ("method", "cases", *(column.title + ARROWS[column.better] for column in columns))
    keys = tuple(sorted(frame["key"]))
    return ResultTable(
        f"{dataset} on {backbone}", headers, tuple(lines), _notes(frame, bases), keys
    )


def _cell(ours: pd.DataFrame, column: Column, base: pd.DataFrame | None, is_base: bool) -> str:
    if column.key in ("passes", "peak_mb"):
        return "-" if ours[column.key].isna().all() else f"{ours[column.key].max():.0f}"
    text = str(estimate(by_case(ours, column.key)))
    if base is None or is_base or column.better == 0 or column.key == "seconds" or ours.empty:
        return text
    difference = paired_difference(ours, base, column.key)
    return text if difference.n == 0 else f"{text} ({difference.mean:+.2f} ± {difference.half:.2f})"


def _count(frame: pd.DataFrame) -> str:
    done = frame[frame["status"] == "ok"]["case"].nunique()
    bad = frame[frame["status"] != "ok"].groupby("status")["case"].nunique()
    return ", ".join([str(done), *(f"{count} {status}" for status, count in bad.items())])


def _notes(frame: pd.DataFrame, bases: Sequence[str]) -> tuple[str, ...]:
    seeds = sorted({int(seed) for seed in frame["seed"] if seed >= 0})
    notes = [
        f"± is a 95 % Student t interval over cases; seeds {seeds} are averaged in a case first."
    ]
    if bases:
        notes.append(f"In brackets: the paired difference to {bases[0]} with its interval.")
    if "engine" in frame and frame["engine"].notna().any():
        engines = sorted(set(frame["engine"].dropna()))
        notes.append(
            f"Seconds and memory: {'; '.join(engines)}; warm-up, decoding and saving excluded."
        )
    return tuple(notes)
