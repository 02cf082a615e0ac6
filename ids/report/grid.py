"""Cells as text, for a terminal, Markdown and CSV."""

import glob
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table as RichTable

Lines = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Grid:
    """A title, a line of headers, lines of cells."""

    title: str
    headers: tuple[str, ...]
    lines: Lines

    def print(self, console: Console) -> None:
        table = RichTable(title=self.title, title_justify="left", header_style="bold")
        for index, header in enumerate(self.headers):
            table.add_column(header, justify="left" if index == 0 else "right", overflow="fold")
        for line in self.lines:
            table.add_row(*line)
        console.print(table)

    def markdown(self) -> str:
        rows = [self.headers, tuple("---" for _ in self.headers), *self.lines]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)


@dataclass(frozen=True)
class Report:
    """Grids about one question, what is to be known about them, and the results they stand on."""

    title: str
    grids: tuple[Grid, ...]
    notes: tuple[str, ...]
    keys: tuple[str, ...]

    def print(self, console: Console) -> None:
        for grid in self.grids:
            grid.print(console)
        for note in self.notes:
            console.print(note, style="dim", markup=False, highlight=False)

    def markdown(self) -> str:
        parts = [f"# {self.title}"]
        for grid in self.grids:
            parts += [f"## {grid.title}", grid.markdown()]
        return "\n\n".join([*parts, *self.notes]) + "\n"

    def write(self, folder: Path, name: str = "") -> Path:
        """name.md, name.csv (and name-2.csv ... of further grids), and the keys behind them; the
        name is made of the title where none is given.
        """
        name = re.sub(r"[^A-Za-z0-9_.=+]+", "-", name or self.title)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{glob.escape(name)}-[0-9]*.csv"):
            old.unlink()
        (folder / f"{name}.md").write_text(self.markdown())
        for index, grid in enumerate(self.grids, start=1):
            stem = name if index == 1 else f"{name}-{index}"
            cells = pd.DataFrame(grid.lines, columns=list(grid.headers))
            cells.to_csv(folder / f"{stem}.csv", index=False)
        provenance = {"title": self.title, "results": self.keys}
        (folder / f"{name}.provenance.json").write_text(json.dumps(provenance))
        return folder / f"{name}.md"
