"""The paper's own tables, second-hand, beside ours."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ids.report.pages.groups import PageGroup
from ids.results.columns import Column, base_of
from ids.results.contrasts import fits
from ids.results.grids import Estimate, Grid

FILE = Path(__file__).with_name("paper.yaml")


class PaperColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a table in the paper. `better`: 1 up, -1 down; `digits` as printed."""

    key: str
    title: str
    better: int
    digits: int


class PaperRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row: the method here, conditions on its values (`scale=1.0|0.2165`: one of several), and
    the paper's numbers.
    """

    title: str
    method: str
    values: list[float]
    where: list[str] = []


class PaperTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the paper. `ours` are metrics here that are shown beside it."""

    title: str
    note: str
    ours: list[str]
    columns: list[PaperColumn]
    rows: list[PaperRow]


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All tables, their source and how far they can be trusted."""

    source: str
    code: str
    caution: str
    tables: list[PaperTable]


@dataclass(frozen=True)
class Beside:
    """A table of the paper with our means of one group: the label and a text per column, for each
    row that has a setting here; None for the others.
    """

    table: PaperTable
    columns: Sequence[Column]
    ours: Sequence[tuple[str, Sequence[str]] | None]


def read_paper() -> Paper:
    """The tables that the package ships."""
    return msgspec.yaml.decode(FILE.read_bytes(), type=Paper)


def tables_beside(paper: Paper, page: PageGroup, means: Grid) -> list[Beside]:
    """The paper's tables with a row that a setting of this group matches, and a metric in common;
    `means` are those of the group.
    """
    settings = page.lines.drop_duplicates("label")
    values = dict(zip(settings["label"], settings["values"], strict=True))
    found = []
    for table in paper.tables:
        columns = [c for c in means.columns if base_of(c.key) in table.ours]
        ours = [_row(row, values, means, columns) for row in table.rows]
        if columns and any(ours):
            found.append(Beside(table, columns, ours))
    return found


def _row(
    row: PaperRow,
    values: Mapping[str, Mapping[str, str]],
    means: Grid,
    columns: Sequence[Column],
) -> tuple[str, Sequence[str]] | None:
    """The first setting of the method that fulfils the conditions."""
    for ours in means.rows:
        if fits(ours.method, values[ours.method], " ".join([row.method, *row.where])):
            cells = zip(means.columns, ours.cells, strict=True)
            return ours.method, [_text(e, c) for c, e in cells if c in columns]
    return None


def _text(cell: Estimate, column: Column) -> str:
    return "–" if math.isnan(cell.value) else f"{cell.value:.{column.digits}f}"
