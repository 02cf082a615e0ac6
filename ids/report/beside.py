"""`ids table --paper`: the paper's tables beside ours, as text and as numbers."""

from collections.abc import Iterator

import pandas as pd
from rich.console import Console

from ids.report.console import say
from ids.report.pages.paper import Beside, read_paper, tables_beside
from ids.report.printing import Printing, print_grids
from ids.report.render import TextGrid
from ids.results.catalog import open_store, read_catalog
from ids.results.frames import columns_of, frame
from ids.results.selection import Selection
from ids.results.table import table

Line = dict[str, str | float]
SOURCE = "paper, second-hand"
NONE = "–"


def show_paper(selection: Selection, printing: Printing) -> int:
    """Print the paper's tables beside our means, per data set and backbone; as CSV and JSON a line
    per number. 1 where no result has a row in them.
    """
    store, paper = open_store(selection.output_dir), read_paper()
    grids: list[TextGrid] = []
    lines: list[Line] = []
    for group in selection.groups(read_catalog(store)):
        edits = frame(group.entries, store, broken=selection.broken(group))
        means = table(group.title, edits, columns=columns_of(group.entries, edits)).grids[0]
        for beside in tables_beside(paper, edits, means):
            grids.append(_grid(group.title, beside))
            lines += _numbers(group.title, beside)
    console = None if printing.kind == "text" else Console(stderr=True)
    if not grids:
        say(f"{selection.output_dir}: no results of a setting in the paper's tables", console)
        return 1
    print_grids(grids, pd.DataFrame(lines), printing.kind)
    say(f"note: {paper.caution.strip()} {paper.source}.", console)
    return 0


def _grid(title: str, beside: Beside) -> TextGrid:
    """A row of the paper, its numbers, then ours: setting, cases, means with intervals."""
    theirs = [f"paper: {column.title}" for column in beside.table.columns]
    ours = [column.header for column in beside.columns]
    lines = []
    for row, here in zip(beside.table.rows, beside.ours, strict=True):
        printed = zip(row.values, beside.table.columns, strict=True)
        numbers = [f"{value:.{column.digits}f}" for value, column in printed]
        cells = [f"{cell.value} {cell.spread}".rstrip() for cell in here.cells] if here else []
        found = [here.label, here.cases, *cells] if here else ["not run", *[NONE] * (len(ours) + 1)]
        lines.append((row.title, *numbers, *found))
    return TextGrid(
        f"{beside.table.title} ({SOURCE}) beside {title}",
        ("method", *theirs, "setting here", "cases", *ours),
        tuple(lines),
    )


def _numbers(title: str, beside: Beside) -> Iterator[Line]:
    """Of the paper, and of the settings here."""
    for row, here in zip(beside.table.rows, beside.ours, strict=True):
        place = {"table": beside.table.title, "method": row.title}
        for column, value in zip(beside.table.columns, row.values, strict=True):
            yield {**place, "source": SOURCE, "column": column.key, "value": value}
        if here is None:
            continue
        for cell in here.cells:
            found: Line = {"setting": here.label, "column": cell.column.key, "n": cell.n}
            yield {**place, "source": title, **found, "value": float(cell.sort or "nan")}
