"""Grids of numbers as grids of text, and those on a terminal."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ids.core.text import printable
from ids.results.columns import Column
from ids.results.grids import Estimate, Grid, Report, Row

LABEL_SHARE = 3  # a compact table gives its labels a third of the width, and wraps longer ones


@dataclass(frozen=True)
class TextGrid:
    """A title, headers and lines of cells, as people read them. The first `left` columns are text,
    the others numbers.
    """

    title: str
    headers: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    left: int = 1

    def print(self, console: Console) -> None:
        """The title and the table, foreign text escaped."""
        console.print(Text(printable(self.title), style="bold"), soft_wrap=True)
        console.print(self.rich_table())

    def rich_table(self, label_width: int | None = None) -> Table:
        """For rich; text columns are wrapped at `label_width` characters."""
        table = Table(
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, 1, 0, 0),
            header_style="bold",
        )
        for index, header in enumerate(self.headers):
            text = index < self.left
            table.add_column(
                Text(printable(header)),
                justify="left" if text else "right",
                overflow="fold",
                max_width=label_width if text else None,
            )
        for line in self.lines:
            table.add_row(*(Text(printable(cell)) for cell in line))
        return table


def print_report(report: Report, console: Console, wide: bool = False) -> None:
    """Every grid and note. Unless `wide`, a grid shows as many of its columns, the most important
    first, as fit the console, and a note names the others.
    """
    hidden: dict[str, None] = {}
    for grid in report.grids:
        if wide:
            text_grid(grid).print(console)
        else:
            shown = fitted(grid, console)
            keys = {column.key for column in shown.columns}
            hidden |= {c.title: None for c in grid.columns if c.key not in keys}
            compact = text_grid(shown, compact=True)
            console.print(Text(printable(compact.title), style="bold"), soft_wrap=True)
            console.print(compact.rich_table(console.width // LABEL_SHARE))
        console.print()
    left_out = f"Not shown: {', '.join(hidden)}; --wide shows all columns."
    for note in (*report.notes, *([left_out] if hidden else [])):
        console.print(Text(printable(note), style="dim"))


def fitted(grid: Grid, console: Console) -> Grid:
    """With the first columns that fit the console side by side; with one at least."""
    for count in range(len(grid.columns), 1, -1):
        narrower = grid.select([column.key for column in grid.columns[:count]])
        table = text_grid(narrower, compact=True).rich_table(console.width // LABEL_SHARE)
        wanted = console.measure(table, options=console.options.update(width=10_000)).maximum
        if wanted <= console.width:
            return narrower
    return grid.select([column.key for column in grid.columns[:1]])


def text_grid(grid: Grid, compact: bool = False) -> TextGrid:
    """Rounded to the digits of each column. `compact` cells are `24.07±1.09`, and a baseline that
    all rows share moves to the title.
    """
    title, named = grid.title, grid.paired
    bases = {row.against for row in grid.rows}
    if compact and len(bases) == 1 and None not in bases:
        title, named = f"{title}, to {next(iter(bases))}", False
    common = [_common_n(grid, index) for index in range(len(grid.columns))]
    names = ("method", "against") if named else ("method",)
    headers = [
        column.header if n is None else f"{column.header} (n={n})"
        for column, n in zip(grid.columns, common, strict=True)
    ]
    lines = []
    for row in grid.rows:
        cells = zip(row.cells, grid.columns, common, strict=True)
        texts = (
            _text(cell, c, grid, row.cases if n is None else n, compact) for cell, c, n in cells
        )
        lines.append((*names_of(row)[: len(names)], cases_of(row, grid), *texts))
    return TextGrid(title, (*names, "cases", *headers), tuple(lines), left=len(names))


def names_of(row: Row) -> tuple[str, ...]:
    """The row's label, and its baseline's in a difference."""
    return (row.method,) if row.against is None else (row.method, row.against)


def cases_of(row: Row, grid: Grid) -> str:
    """`12`, or `11, 1 failed`."""
    others = zip(row.others, grid.statuses, strict=True)
    return ", ".join([str(row.cases), *(f"{n} {status}" for n, status in others if n)])


def _common_n(grid: Grid, index: int) -> int | None:
    """The number of cases behind every cell of a column, where it is one number and not that of the
    rows; None otherwise.
    """
    if grid.columns[index].measured:
        return None
    cells = [(row.cells[index], row.cases) for row in grid.rows]
    known = [(cell.n, cases) for cell, cases in cells if not math.isnan(cell.value)]
    numbers = {n for n, _ in known}
    differs = any(n != cases for n, cases in known)
    return numbers.pop() if len(numbers) == 1 and differs else None


def _text(cell: Estimate, column: Column, grid: Grid, n: int, compact: bool) -> str:
    """`27.98 ± 0.42`, or `27.98 [27.51, 28.40] (n=3)` where `n` is another number."""
    if math.isnan(cell.value):
        return "-"
    sign = "+" if grid.paired else ""
    value, low, high = (f"{x:{sign}.{column.digits}f}" for x in (cell.value, cell.low, cell.high))
    text = value
    if not math.isnan(cell.low):
        half = f"{(cell.high - cell.low) / 2:.{column.digits}f}"
        bounds = "" if low == high else _bounds((low, high), compact)
        text += (f"±{half}" if compact else f" ± {half}") if grid.symmetric else bounds
    return text if cell.n == n or column.measured else f"{text} (n={cell.n})"


def _bounds(ends: Sequence[str], compact: bool) -> str:
    return f" [{','.join(ends)}]" if compact else f" [{', '.join(ends)}]"
