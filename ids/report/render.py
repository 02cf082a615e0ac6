"""Grids of numbers as grids of text, and those on a terminal."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ids.core.text import printable
from ids.report.console import WIDE
from ids.results.columns import Column
from ids.results.grids import Estimate, Grid, Report, Row
from ids.results.significance import ALPHA

LABEL_SHARE = 3  # a compact table gives its labels a third of the width at least; longer ones wrap


@dataclass(frozen=True)
class TextGrid:
    """A title, headers and lines of cells, as people read them. The first `left` columns are text,
    the others numbers. `bold`: cells, as line and column.
    """

    title: str
    headers: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    left: int = 1
    bold: frozenset[tuple[int, int]] = frozenset()

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
    """Every grid and note. Unless `wide`, differences are a table per baseline, each table shows as
    many of its columns, the most important first, as fit the console, and a note names the others.
    """
    grids = report.grids if wide else [part for grid in report.grids for part in _by_baseline(grid)]
    shown = [grid if wide else fitted(_with_values(grid), console) for grid in grids]
    for grid in shown:
        if wide:
            text_grid(grid).print(console)
        else:
            compact = text_grid(grid, compact=True)
            console.print(Text(printable(compact.title), style="bold"), soft_wrap=True)
            console.print(compact.rich_table(_label_width(compact, console)))
        console.print()
    seen = {column.key for grid in shown for column in grid.columns}
    for note in (*report.all_notes(seen), *_hidden_note(grids, shown)):
        console.print(Text(printable(note), style="dim"))


def _by_baseline(grid: Grid) -> list[Grid]:
    """Differences to several baselines as one grid for each: its label is long."""
    rows: dict[str | None, list[Row]] = {}
    for row in grid.rows:
        rows.setdefault(row.against, []).append(row)
    return [replace(grid, rows=tuple(of)) for of in rows.values()] if grid.paired else [grid]


def _with_values(grid: Grid) -> Grid:
    """Without the columns in which no row has a number; with all where none has."""
    cells = zip(*(row.cells for row in grid.rows), strict=True)
    known = [not all(math.isnan(cell.value) for cell in of) for of in cells]
    keys = [column.key for column, any_value in zip(grid.columns, known, strict=False) if any_value]
    return grid.select(keys) if keys else grid


def _hidden_note(whole: Sequence[Grid], shown: Sequence[Grid]) -> Iterator[str]:
    """One note on the columns with numbers that do not fit: nowhere, or not in every table."""
    hidden: dict[str, str] = {}
    for full, grid in zip(whole, shown, strict=True):
        keys = {column.key for column in grid.columns}
        hidden |= {c.key: c.title for c in _with_values(full).columns if c.key not in keys}
    seen = {column.key for grid in shown for column in grid.columns}
    parts = {
        "Not shown": [title for key, title in hidden.items() if key not in seen],
        "Not in every table": [title for key, title in hidden.items() if key in seen],
    }
    texts = [f"{name}: {', '.join(titles)}" for name, titles in parts.items() if titles]
    if texts:
        yield f"{'. '.join(texts)}; --wide shows all columns."


def fitted(grid: Grid, console: Console) -> Grid:
    """With the first columns that fit the console side by side; with one at least."""

    def first(count: int) -> Grid:
        return grid.select([column.key for column in grid.columns[:count]])

    def is_too_wide(count: int) -> bool:
        return _width(text_grid(first(count), compact=True), console) > console.width

    more = range(2, len(grid.columns) + 1)  # each column adds to the width
    return first(1 + bisect_left(more, True, key=is_too_wide))


def _width(grid: TextGrid, console: Console) -> int:
    """Of the table with labels wrapped at their share, in characters: rich measures slowly, so the
    widest cell of each column stands for all.
    """
    widest = [max(cells, key=cell_len) for cells in zip(*grid.lines, strict=True)]
    short = replace(grid, lines=(tuple(widest),) if widest else ())
    table = short.rich_table(console.width // LABEL_SHARE)
    return console.measure(table, options=console.options.update(width=WIDE)).maximum


def _label_width(grid: TextGrid, console: Console) -> int:
    """Their share of the console, and what the numbers leave free."""
    spare = max(0, console.width - _width(grid, console))
    return console.width // LABEL_SHARE + spare // grid.left


def text_grid(grid: Grid, compact: bool = False) -> TextGrid:
    """Rounded to the digits of each column. `compact` cells are `24.07±1.09`, and a baseline that
    all rows share moves to the title.
    """
    title, named = grid.title, grid.paired
    bases = {row.against for row in grid.rows}
    if compact and len(bases) == 1 and None not in bases:
        title, named = f"{title}, to {next(iter(bases))}", False
    common = [_common_remark(grid, index, compact) for index in range(len(grid.columns))]
    names = ("method", "against") if named else ("method",)
    headers = [
        f"{column.header} {remark}" if remark else column.header
        for column, remark in zip(grid.columns, common, strict=True)
    ]
    lines = []
    for row in grid.rows:
        cells = zip(row.cells, grid.columns, common, strict=True)
        texts = (
            _text(
                cell, column, grid, "" if remark else _remark(cell, column, row, compact), compact
            )
            for cell, column, remark in cells
        )
        lines.append((*names_of(row)[: len(names)], cases_of(row, grid), *texts))
    first = len(names) + 1
    bold = frozenset(
        (line, first + place)
        for line, row in enumerate(grid.rows)
        for place, cell in enumerate(row.cells)
        if cell.best
    )
    return TextGrid(title, (*names, "cases", *headers), tuple(lines), len(names), bold)


def number_text(value: float, digits: int, sign: bool = False) -> str:
    """Rounded, `+` in front of a difference; `-` for a missing one."""
    return "-" if math.isnan(value) else f"{value:{'+' if sign else ''}z.{digits}f}"


def names_of(row: Row) -> tuple[str, ...]:
    """The row's label, and its baseline's in a difference."""
    return (row.method,) if row.against is None else (row.method, row.against)


def cases_of(row: Row, grid: Grid) -> str:
    """`12`, or `11, 1 failed`."""
    others = zip(row.others, grid.statuses, strict=True)
    return ", ".join([str(row.cases), *(f"{n} {status}" for n, status in others if n)])


def _common_remark(grid: Grid, index: int, compact: bool) -> str:
    """The remark of every cell of a column with a number, where it is the same; empty otherwise."""
    column = grid.columns[index]
    cells = [(row.cells[index], row) for row in grid.rows]
    remarks = {
        _remark(cell, column, row, compact) for cell, row in cells if not math.isnan(cell.value)
    }
    return remarks.pop() if len(remarks) == 1 else ""


def _remark(cell: Estimate, column: Column, row: Row, compact: bool) -> str:
    """`(n=20, 2 inf)`: the number of cases where it is not that of the row, and what is left out
    unless `compact`; empty otherwise.
    """
    if column.measured or column.derived:
        return ""
    count = f"n={cell.n}" if cell.n != row.cases and not math.isnan(cell.value) else ""
    parts = [count, "" if compact else str(cell.left_out)]
    text = ", ".join(part for part in parts if part)
    return f"({text})" if text else ""


def _text(cell: Estimate, column: Column, grid: Grid, remark: str, compact: bool) -> str:
    """`27.98 ± 0.42`, or `27.98 [27.51, 28.40] (n=3)` with a remark; `*` marks a difference."""
    if math.isnan(cell.value):
        return f"- {remark}".rstrip()
    if column.derived:
        return _derived(cell.value, column.digits)
    sign = "+" if grid.paired else ""
    text, low, high = (f"{x:{sign}z.{column.digits}f}" for x in (cell.value, cell.low, cell.high))
    if not math.isnan(cell.low):
        half = f"{(cell.high - cell.low) / 2:.{column.digits}f}"
        bounds = "" if low == high else _bounds((low, high), compact)
        text += (f"±{half}" if compact else f" ± {half}") if grid.symmetric else bounds
    if cell.test is not None and cell.test.p_corrected < ALPHA:
        text += "*"
    return f"{text} {remark}".rstrip()


def _derived(value: float, digits: int) -> str:
    """`0.0213`, and `<0.0001` for a positive number that would be rounded to zero."""
    least = 10.0**-digits
    return f"<{least:.{digits}f}" if 0 < value < least / 2 else f"{value:z.{digits}f}"


def _bounds(ends: Sequence[str], compact: bool) -> str:
    return f" [{','.join(ends)}]" if compact else f" [{', '.join(ends)}]"
