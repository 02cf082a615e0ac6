"""Grids as the page's tables: a text per cell, and the numbers behind it for sorting and
provenance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ids.report.render import cases_of, text_grid
from ids.results.columns import Column
from ids.results.grids import Estimate, Grid, Report


@dataclass(frozen=True)
class ShownCell:
    """`value` and `spread` (interval and remarks) as text; `sort` is the number, empty without
    one; `significant`: a difference whose corrected p-value is below 0.05.
    """

    column: Column
    value: str
    spread: str
    sort: str
    n: int
    left_out: str
    significant: bool


@dataclass(frozen=True)
class ShownRow:
    """A row of a table, and the number of its cases as text."""

    label: str
    against: str
    cases: str
    cells: Sequence[ShownCell]


@dataclass(frozen=True)
class ShownTable:
    """A grid as it is shown."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[ShownRow]
    paired: bool


@dataclass(frozen=True)
class ShownReport:
    """The tables of a report, and its notes."""

    title: str
    tables: Sequence[ShownTable]
    notes: Sequence[str]


def shown_report(report: Report) -> ShownReport:
    """All grids and notes."""
    tables = [shown_table(grid) for grid in report.grids]
    return ShownReport(report.title, tables, report.all_notes())


def shown_table(grid: Grid) -> ShownTable:
    """One grid. A remark that all cells of a column share is in the column's title there and
    belongs to each cell here.
    """
    text = text_grid(grid)
    rows = []
    for row, line in zip(grid.rows, text.lines, strict=True):
        numbers = zip(grid.columns, row.cells, line[len(line) - len(grid.columns) :], strict=True)
        cells = [_cell(column, cell, shown) for column, cell, shown in numbers]
        rows.append(ShownRow(row.method, row.against or "", cases_of(row, grid), cells))
    return ShownTable(grid.title, grid.columns, rows, grid.paired)


def _cell(column: Column, cell: Estimate, text: str) -> ShownCell:
    value, _, spread = text.partition(" ")
    return ShownCell(
        column,
        value.removesuffix("*"),
        spread.removesuffix("*"),
        "" if math.isnan(cell.value) else repr(cell.value),
        cell.n,
        str(cell.left_out),
        text.rstrip().endswith("*") or "* " in text,
    )
