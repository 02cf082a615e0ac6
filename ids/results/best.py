"""Which method of a table is the best in a column, where that is more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from ids.results.columns import Column
from ids.results.grids import Grid, Report
from ids.results.labels import CONTROLS
from ids.results.significance import ALPHA, holm, sign_flip_p_values
from ids.results.statistics import Edits, paired, setting_edits

NOTE = (
    f"Bold: better than every other method, null and true edit aside, each with p < {ALPHA} in a "
    "paired sign-flip test, corrected per column (Holm)."
)


def with_best(report: Report, frame: pd.DataFrame) -> Report:
    """A report of `ids.results.table` of this frame, with the best cells of its means marked, and a
    note if there are any.
    """
    done = frame[frame["status"] == "ok"].sort_values(["case", "seed", "key"])
    grids = tuple(grid if grid.paired else _marked(grid, done) for grid in report.grids)
    found = any(cell.best for grid in grids for row in grid.rows for cell in row.cells)
    return replace(report, grids=grids, notes=(*report.notes, *([NOTE] if found else [])))


def best_methods(edits: Mapping[str, Edits], columns: Sequence[Column]) -> dict[str, str]:
    """Column -> the label whose paired differences to all others are significant; without columns
    where there is none.
    """
    labels = [label for label in edits if label.split(" ")[0] not in CONTROLS]
    means = {label: edits[label].case_means() for label in labels}
    found = {}
    for index, column in enumerate(columns):
        known = [label for label in labels if len(means[label][index])]
        if column.better and not column.measured and len(known) > 1:
            best = max(known, key=lambda k: column.better * means[k][index].mean())
            others = [label for label in known if label != best]
            if _is_better(edits[best], [edits[other] for other in others], index, column):
                found[column.key] = best
    return found


def _is_better(ours: Edits, others: Sequence[Edits], index: int, column: Column) -> bool:
    """Than each of the others."""
    samples = [paired(ours, theirs).case_means()[index] for theirs in others]
    better = all(len(sample) and column.better * sample.mean() > 0 for sample in samples)
    return better and all(p < ALPHA for p in holm(sign_flip_p_values(samples)))


def _marked(grid: Grid, done: pd.DataFrame) -> Grid:
    best = best_methods(setting_edits(done, grid.columns), grid.columns)
    rows = tuple(
        replace(
            row,
            cells=tuple(
                replace(cell, best=True) if best.get(column.key) == row.method else cell
                for cell, column in zip(row.cells, grid.columns, strict=True)
            ),
        )
        for row in grid.rows
    )
    return replace(grid, rows=rows)
