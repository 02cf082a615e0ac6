"""The table: a row per setting, means with intervals, differences paired to a baseline."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from ids.results.by_tag import NO_BLOCKS, in_blocks, tags_note
from ids.results.columns import Column, columns_in, legend
from ids.results.comparisons import corrected_together, differences, tests_note
from ids.results.grids import MISSING, ColumnNote, Estimate, Grid, Report, Row
from ids.results.intervals import IntervalKind
from ids.results.labels import baseline_note, in_order, settings_of
from ids.results.omissions import undefined_note
from ids.results.statistics import mean_cells, setting_edits

OTHER = "other_anchors"  # a column: was the edit measured otherwise than most of its label?
BAD = ("failed", "unsupported")  # counted in every table; further statuses where they occur
FEW = 5  # cases: below, no interval is reliable
INTERVALS: Mapping[IntervalKind, str] = {
    "bootstrap": "± is half the width, [low, high] the 95 % bootstrap interval over cases",
    "t": "± is a 95 % Student t interval over cases",
}


def table(
    title: str,
    frame: pd.DataFrame,
    baseline: str = "dds",
    notes: Sequence[str] = (),
    columns: Sequence[Column] | None = None,
    interval: IntervalKind = "bootstrap",
    blocks: Mapping[str, Collection[str]] = NO_BLOCKS,
) -> Report:
    """Of the `frame` of one data set and backbone; `columns` (default: all of the frame) are those
    that may be shown. `blocks`: tag -> cases; both grids are of each, with its tag.
    """
    frame = frame.sort_values(["case", "seed", "key"])  # sums do not depend on the records' order
    done = frame[frame["status"] == "ok"]
    possible = columns_in(map(str, frame)) if columns is None else columns
    columns = [c for c in possible if c.key in done and done[c.key].notna().any()]
    lines = frame.assign(**{OTHER: _other_anchors(frame)})
    grids = [
        _of_block(grid, tag)
        for tag, of in in_blocks(lines, blocks)
        for grid in _grids(title, of, columns, baseline, interval)
    ]
    grids = corrected_together(grids) if blocks else grids
    notes = (
        *_notes(frame, columns, interval),
        *tests_note(grids),
        *tags_note(blocks),
        *undefined_note(done, _paired(columns)),
        *_empty(possible, columns),
        *baseline_note(settings_of(frame), baseline),
        *notes,
    )
    about = (*_measured(frame, columns), *_few(grids))
    title = f"{title}, by tag" if blocks else title
    return Report(title, tuple(grids), notes, tuple(sorted(frame["key"])), about)


def _grids(
    title: str,
    frame: pd.DataFrame,
    columns: Sequence[Column],
    baseline: str,
    kind: IntervalKind,
) -> list[Grid]:
    """Means, and differences if there are any."""
    done, paired = frame[frame["status"] == "ok"], _paired(columns)
    edits = setting_edits(done, paired)
    return [
        _means(title, frame, _cells(done, columns, kind), columns, kind),
        *differences(settings_of(done), edits, paired, baseline, kind),
    ]


def _paired(columns: Sequence[Column]) -> list[Column]:
    """Batches have no pairs."""
    return [column for column in columns if not column.measured]


def _of_block(grid: Grid, tag: str) -> Grid:
    return replace(grid, title=f"{grid.title}, {tag}", tag=tag) if tag else grid


def _means(
    title: str,
    frame: pd.DataFrame,
    cells: Mapping[str, tuple[Estimate, ...]],
    columns: Sequence[Column],
    kind: IntervalKind,
) -> Grid:
    statuses = (*BAD, *sorted(set(frame["status"].unique()) - {"ok", *BAD}))
    cases = set(zip(frame["label"], frame["status"], frame["case"], strict=True))
    counts = Counter((label, status) for label, status, _ in cases)
    rows = []
    for label in in_order(frame["label"].unique()):
        others = tuple(counts[label, status] for status in statuses)
        found = cells.get(label, (MISSING,) * len(columns))
        rows.append(Row(label, counts[label, "ok"], found, others=others))
    return Grid(title, tuple(columns), tuple(rows), statuses=statuses, interval=kind)


def _cells(
    done: pd.DataFrame, columns: Sequence[Column], kind: IntervalKind
) -> dict[str, tuple[Estimate, ...]]:
    """Per label a mean per column, over cases or over batches. Those over batches leave out edits
    that computed source halves at other times than most of the label: they cost another amount.
    """
    of_label: dict[str, dict[str, Estimate]] = {label: {} for label in done["label"].unique()}
    for unit, of_unit in (
        ("case", [column for column in columns if not column.measured]),
        ("batch", [column for column in columns if column.measured]),
    ):
        lines = done if unit == "case" else done[~done[OTHER]]
        edits = setting_edits(lines, of_unit, unit) if of_unit else {}
        for label, cells in zip(edits, mean_cells(list(edits.values()), kind), strict=True):
            found = zip(of_unit, cells, strict=True)
            of_label[label] |= {column.key: _shown(cell, column) for column, cell in found}
    return {
        label: tuple(cells.get(column.key, MISSING) for column in columns)
        for label, cells in of_label.items()
    }


def _other_anchors(done: pd.DataFrame) -> "pd.Series[bool]":
    """The lines of a label that were measured with another `engine.anchors` than most of it."""
    if "anchors" not in done:
        return pd.Series(False, index=done.index)
    measured = done[done["anchors"].notna()]
    if measured["anchors"].nunique() < 2:
        return pd.Series(False, index=done.index)
    most = measured.groupby("label")["anchors"].agg(lambda found: found.mode().iloc[0])
    return done["anchors"].notna() & (done["anchors"] != done["label"].map(most))


def _shown(cell: Estimate, column: Column) -> Estimate:
    return replace(cell, low=math.nan, high=math.nan) if column.exact else cell


def _notes(
    frame: pd.DataFrame, columns: Sequence[Column], interval: IntervalKind
) -> tuple[str, ...]:
    seeds = [int(seed) for seed in sorted(frame["seed"].unique()) if seed >= 0]
    averaged = f"seeds {seeds} are averaged per case first" if seeds else "no method uses seeds"
    notes = (legend(columns), f"{INTERVALS[interval]}; {averaged}.")
    return tuple(note for note in notes if note)


def _measured(frame: pd.DataFrame, columns: Sequence[Column]) -> Iterator[ColumnNote]:
    """Where seconds and memory were measured, and of which edits they are not."""
    if "engine" not in frame or not frame["engine"].notna().any():
        return
    measured = tuple(column for column in columns if column.measured)
    engines = "; ".join(sorted(frame["engine"].dropna().unique()))
    yield ColumnNote(
        f"Seconds and memory over batches, on {engines}; without warm-up, decoding, saving.",
        tuple(column for column in measured if not column.exact),
    )
    if left := int(_other_anchors(frame).sum()):
        yield ColumnNote(
            f"Seconds, NFE and memory leave out {left} edits that computed source halves at "
            "other times than most of their row (engine.anchors).",
            measured,
        )


def _few(grids: Iterable[Grid]) -> Iterator[ColumnNote]:
    """One note that names the columns with intervals of fewer than five cases."""
    columns = {
        column.key: column
        for grid in grids
        for row in grid.rows
        for column, cell in zip(grid.columns, row.cells, strict=True)
        if cell.n < FEW and not math.isnan(cell.low)
    }
    text = f"Fewer than {FEW} cases or batches behind intervals of {{}}: too narrow."
    yield ColumnNote(text, tuple(columns.values()))


def _empty(possible: Sequence[Column], shown: Sequence[Column]) -> tuple[str, ...]:
    """One note that names the metrics without any value."""
    titles = [column.title for column in possible if column not in shown and not column.measured]
    names = ", ".join(titles).removesuffix(".")  # of an abbreviation
    return (f"No value in any case, not shown: {names}.",) if titles else ()
