"""The paper's own tables, second-hand, beside ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pandas as pd

from ids.report.pages.tables import ShownRow, shown_table
from ids.results.columns import Column, base_of
from ids.results.contrasts import fits
from ids.results.grids import Grid

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
    """A table of the paper with our means of one group: for each row the row of a setting here;
    None for those without one.
    """

    table: PaperTable
    columns: Sequence[Column]
    ours: Sequence[ShownRow | None]


def read_paper() -> Paper:
    """The tables that the package ships."""
    return msgspec.yaml.decode(FILE.read_bytes(), type=Paper)


def tables_beside(paper: Paper, lines: pd.DataFrame, means: Grid) -> list[Beside]:
    """The paper's tables with a row that a setting of a group matches, and a metric in common;
    `lines` are the frame of the group, `means` its table.
    """
    settings = lines.drop_duplicates("label")
    values = dict(zip(settings["label"], settings["values"], strict=True))
    found = []
    for table in paper.tables:
        columns = [c for c in means.columns if base_of(c.key) in table.ours]
        shown = shown_table(means.select([column.key for column in columns]))
        ours = [_row(row, values, shown.rows) for row in table.rows]
        if columns and any(ours):
            found.append(Beside(table, columns, ours))
    return found


def _row(
    row: PaperRow, values: Mapping[str, Mapping[str, str]], shown: Sequence[ShownRow]
) -> ShownRow | None:
    """The first setting of the method that fulfils the conditions."""
    spec = " ".join([row.method, *row.where])
    return next((ours for ours in shown if fits(ours.label, values[ours.label], spec)), None)
