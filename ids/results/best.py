"""Which method of a table is the best in a column, where that is more than chance."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ids.results.by_tag import NO_BLOCKS, in_blocks
from ids.results.columns import Column
from ids.results.grids import Grid, Report
from ids.results.intervals import Sample
from ids.results.labels import is_edit
from ids.results.significance import ALPHA, holm, sign_flip_p_values
from ids.results.statistics import Edits, paired, setting_edits

NOTE = (
    f"Bold: better than every other method, null and true edit aside, each with p < {ALPHA} in a "
    "paired sign-flip test, corrected for all such comparisons of this table (Holm)."
)


def with_best(
    report: Report, frame: pd.DataFrame, blocks: Mapping[str, Collection[str]] = NO_BLOCKS
) -> Report:
    """A report of `ids.results.table` of this frame and these blocks, with the best cells of its
    means marked, and a note if there are any.
    """
    done = frame[frame["status"] == "ok"].sort_values(["case", "seed", "key"])
    columns = next((grid.columns for grid in report.grids if not grid.paired), ())
    edits = {tag: setting_edits(lines, columns) for tag, lines in in_blocks(done, blocks)}
    best = dict(zip(edits, best_methods(edits.values(), columns), strict=True))
    grids = tuple(grid if grid.paired else _marked(grid, best[grid.tag]) for grid in report.grids)
    found = any(cell.best for grid in grids for row in grid.rows for cell in row.cells)
    return replace(report, grids=grids, notes=(*report.notes, *([NOTE] if found else [])))


@dataclass(frozen=True)
class _Leader:
    """The label with the best mean in a column, and its differences to each other label."""

    column: Column
    label: str
    samples: Sequence[Sample]

    @property
    def ahead(self) -> bool:
        """Is it better than each other label, on the cases of both?"""
        return all(len(s) and self.column.better * s.mean() > 0 for s in self.samples)


def best_methods(
    blocks: Iterable[Mapping[str, Edits]], columns: Sequence[Column]
) -> list[dict[str, str]]:
    """Per block, column -> the label whose paired differences to all others are significant,
    corrected for those of all columns and blocks; without columns where there is none.
    """
    leaders = [list(_leaders(edits, columns)) for edits in blocks]
    samples = [s for of in leaders for leader in of for s in leader.samples]
    corrected = iter(holm(sign_flip_p_values(samples)))
    return [
        {
            leader.column.key: leader.label
            for leader in of
            if max(next(corrected) for _ in leader.samples) < ALPHA and leader.ahead
        }
        for of in leaders
    ]


def _leaders(edits: Mapping[str, Edits], columns: Sequence[Column]) -> Iterator[_Leader]:
    """One per ranked column with several labels."""
    labels = [label for label in edits if is_edit(label)]
    means = {label: edits[label].case_means() for label in labels}
    for index, column in enumerate(columns):
        known = [label for label in labels if len(means[label][index])]
        if column.better and not column.measured and len(known) > 1:
            best = max(known, key=lambda k: column.better * means[k][index].mean())
            others = (paired(edits[best], edits[other]) for other in known if other != best)
            yield _Leader(column, best, [pair.case_means()[index] for pair in others])


def _marked(grid: Grid, best: Mapping[str, str]) -> Grid:
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
