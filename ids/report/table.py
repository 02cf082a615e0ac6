"""The table: a line per method, numbers with intervals, differences paired to a baseline."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table as RichTable

from ids.report.rows import in_order
from ids.report.statistics import by_batch, by_case, estimate, paired_difference


@dataclass(frozen=True)
class Column:
    """A column of the frame as people read it. `better`: 1 up, -1 down, 0 neither."""

    key: str
    title: str
    digits: int
    better: int = 0
    measured: bool = False  # one value a batch, not one a case
    exact: bool = False  # a count: no interval

    @property
    def header(self) -> str:
        return self.title + {1: " ↑", -1: " ↓", 0: ""}[self.better]


COLUMNS = (
    Column("psnr", "PSNR", 2, better=1),
    Column("psnr_background", "PSNR bg", 2, better=1),
    Column("ssim_background", "SSIM bg", 3, better=1),
    Column("psnr_truth", "PSNR true", 2, better=1),
    Column("strength", "strength", 3),
    Column("seconds", "s/edit", 2, better=-1, measured=True),
    Column("passes", "passes", 0, measured=True, exact=True),
    Column("peak_mb", "peak MB", 0, better=-1, measured=True),
)
LEGEND = (
    "PSNR in dB: to the source; bg, outside the mask; true, to the true edit. "
    "Strength: RMS of z_trg - z_src."
)
Lines = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ResultTable:
    """Cells as text, the paired differences to the baseline, and what they stand on."""

    title: str
    headers: tuple[str, ...]
    lines: Lines
    baseline: str | None  # of the paired differences
    paired_headers: tuple[str, ...]
    differences: Lines  # empty without a baseline
    notes: tuple[str, ...]
    keys: tuple[str, ...]  # of every result behind it

    def print(self, console: Console) -> None:
        _print(console, self.title, self.headers, self.lines)
        if self.differences:
            _print(
                console,
                f"paired differences to {self.baseline}",
                self.paired_headers,
                self.differences,
            )
        for note in self.notes:
            console.print(note, style="dim", markup=False, highlight=False)

    def markdown(self) -> str:
        parts = [f"# {self.title}", _markdown(self.headers, self.lines)]
        if self.differences:
            parts += [
                f"## Paired differences to {self.baseline}",
                _markdown(self.paired_headers, self.differences),
            ]
        return "\n\n".join([*parts, *self.notes]) + "\n"

    def write(self, folder: Path, name: str) -> Path:
        """name.md, name.csv, and the keys behind them."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.md").write_text(self.markdown())
        pd.DataFrame(self.lines, columns=list(self.headers)).to_csv(
            folder / f"{name}.csv", index=False
        )
        provenance = {"title": self.title, "results": self.keys}
        (folder / f"{name}.provenance.json").write_text(json.dumps(provenance))
        return folder / f"{name}.md"


def tables(frame: pd.DataFrame, baseline: str = "dds") -> list[ResultTable]:
    """One table per data set and backbone."""
    if frame.empty:
        return []
    groups = frame.groupby(["dataset", "backbone"], sort=True)
    return [_table(f"{data} on {net}", group, baseline) for (data, net), group in groups]


def _table(title: str, frame: pd.DataFrame, baseline: str) -> ResultTable:
    done = frame[frame["status"] == "ok"].copy()
    done["passes"] = done["forwards"] + done["backwards"]
    columns = [c for c in COLUMNS if c.key in done and done[c.key].notna().any()]
    labels = in_order(frame["label"])
    lines = []
    for label in labels:
        ours, asked = done[done["label"] == label], frame[frame["label"] == label]
        lines.append((label, _count(asked), *(_cell(ours, c) for c in columns)))
    base = next((label for label in labels if label.split(" ")[0] == baseline), None)
    paired = [column for column in columns if not column.measured]  # batches have no pairs
    return ResultTable(
        title,
        ("method", "cases", *(column.header for column in columns)),
        tuple(lines),
        base,
        ("method", "cases", *(column.header for column in paired)),
        _differences(done, labels, paired, base) if base else (),
        _notes(frame),
        tuple(sorted(frame["key"])),
    )


def _cell(frame: pd.DataFrame, column: Column) -> str:
    values = by_batch(frame, column.key) if column.measured else by_case(frame, column.key)
    if column.exact and len(values):
        return f"{values.mean():.{column.digits}f}"
    return estimate(values).text(column.digits)


def _differences(done: pd.DataFrame, labels: list[str], columns: list[Column], base: str) -> Lines:
    """Of everything to the baseline, case by case."""
    theirs, lines = done[done["label"] == base], []
    for label in labels:
        ours = done[done["label"] == label]
        if label == base or ours.empty or theirs.empty:
            continue
        pairs = [paired_difference(ours, theirs, column.key) for column in columns]
        cells = [pair.text(c.digits, "+") for pair, c in zip(pairs, columns, strict=True)]
        lines.append((label, str(max(pair.n for pair in pairs)), *cells))
    return tuple(lines)


def _count(frame: pd.DataFrame) -> str:
    done = frame[frame["status"] == "ok"]["case"].nunique()
    bad = frame[frame["status"] != "ok"].groupby("status")["case"].nunique()
    return ", ".join([str(done), *(f"{count} {status}" for status, count in bad.items())])


def _notes(frame: pd.DataFrame) -> tuple[str, ...]:
    seeds = sorted({int(seed) for seed in frame["seed"] if seed >= 0})
    notes = [
        LEGEND,
        f"± is a 95 % Student t interval over cases; seeds {seeds} are averaged in a case first.",
    ]
    if "engine" in frame and frame["engine"].notna().any():
        engines = "; ".join(sorted(set(frame["engine"].dropna())))
        notes.append(
            f"Seconds and memory over batches, on {engines}; warm-up, decoding, saving excluded."
        )
    return tuple(notes)


def _print(console: Console, title: str, headers: tuple[str, ...], lines: Lines) -> None:
    table = RichTable(title=title, title_justify="left", header_style="bold")
    for index, header in enumerate(headers):
        table.add_column(header, justify="left" if index == 0 else "right", overflow="fold")
    for line in lines:
        table.add_row(*line)
    console.print(table)


def _markdown(headers: tuple[str, ...], lines: Lines) -> str:
    rows = [headers, tuple("---" for _ in headers), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
