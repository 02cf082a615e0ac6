"""Grids as text: for a terminal, Markdown, CSV and JSON. Text from outside is escaped here."""

import csv
import io
import math
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ids.core.text import printable
from ids.report.text import for_csv, for_markdown
from ids.results.cells import Cell, Grid, Row
from ids.results.columns import Column


@dataclass(frozen=True)
class TextGrid:
    """A title, a line of headers, lines of cells, as people read them."""

    title: str
    headers: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    def print(self, console: Console) -> None:
        title = Text(printable(self.title), style="table.title")
        table = Table(title=title, title_justify="left", header_style="bold")
        for index, header in enumerate(self.headers):
            table.add_column(
                Text(printable(header)), justify="right" if index else "left", overflow="fold"
            )
        for line in self.lines:
            table.add_row(*(Text(printable(cell)) for cell in line))
        console.print(table)

    def markdown(self) -> str:
        escaped = [[for_markdown(cell) for cell in line] for line in (self.headers, *self.lines)]
        lines = [escaped[0], ["---" for _ in self.headers], *escaped[1:]]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def text_grid(grid: Grid) -> TextGrid:
    """Rounded to the digits of each column."""
    names = ("method", "against", "cases") if grid.paired else ("method", "cases")
    headers = (*names, *(column.header for column in grid.columns))
    return TextGrid(grid.title, headers, tuple(_text_line(grid, row) for row in grid.rows))


def _text_line(grid: Grid, row: Row) -> tuple[str, ...]:
    others = zip(row.others, grid.statuses, strict=True)
    cases = ", ".join([str(row.cases), *(f"{n} {status}" for n, status in others if n)])
    cells = zip(row.cells, grid.columns, strict=True)
    return (*_names(row), cases, *(_text(cell, column, grid, row.cases) for cell, column in cells))


def _names(row: Row) -> tuple[str, ...]:
    return (row.method,) if row.against is None else (row.method, row.against)


def _text(cell: Cell, column: Column, grid: Grid, cases: int) -> str:
    """`27.98 ± 0.42`, or `27.98 [27.51, 28.40] (n=3)` where it stands on other than all cases."""
    if math.isnan(cell.value):
        return "-"
    sign = "+" if grid.paired else ""
    value, low, high = (f"{x:{sign}.{column.digits}f}" for x in (cell.value, cell.low, cell.high))
    told = value
    if not math.isnan(cell.low):
        half = f"{(cell.high - cell.low) / 2:.{column.digits}f}"
        bounds = "" if low == high else f" [{low}, {high}]"
        told += f" ± {half}" if grid.symmetric else bounds
    return told if cell.n == cases or column.measured else f"{told} (n={cell.n})"


def csv_text(grid: Grid) -> str:
    """A line per row, numbers in full: per column the value, the ends of its interval, and n; what
    is missing is empty.
    """
    names = ["method", "against"] if grid.paired else ["method"]
    counts = ["ok", *grid.statuses] if grid.statuses else ["cases"]
    ends = ("", "_low", "_high", "_n")
    cells = [f"{column.key}{end}" for column in grid.columns for end in ends]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(map(for_csv, (*names, *counts, *cells)))
    for row in grid.rows:
        numbers = (x for cell in row.cells for x in (cell.value, cell.low, cell.high, cell.n))
        counted = (row.cases, *row.others)
        writer.writerow([*map(for_csv, _names(row)), *counted, *map(_number, numbers)])
    return written.getvalue()


def _number(value: float | int) -> float | int | str:
    return "" if math.isnan(value) else value


def grid_json(grid: Grid) -> dict[str, Any]:
    """For `json.dumps`: null for what is missing."""
    return {
        "title": grid.title,
        "columns": [asdict(column) for column in grid.columns],
        "rows": [_json_row(grid, row) for row in grid.rows],
    }


def _json_row(grid: Grid, row: Row) -> dict[str, Any]:
    names = dict(zip(("method", "against"), _names(row), strict=False))
    others = dict(zip(grid.statuses, row.others, strict=True))
    counts = {"ok": row.cases, **others} if grid.statuses else {"cases": row.cases}
    cells = zip(grid.columns, row.cells, strict=True)
    values = {column.key: _json_cell(cell) for column, cell in cells}
    return {**names, **counts, "cells": values}


def _json_cell(cell: Cell) -> dict[str, float | int | None]:
    return {k: x if math.isfinite(x) else None for k, x in asdict(cell).items()}
