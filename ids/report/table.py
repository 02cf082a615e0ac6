"""The table: a line per method, numbers with intervals, differences paired to a baseline."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from ids.report.grid import Report
from ids.results.cells import MISSING, Cell, Grid, Row
from ids.results.columns import LEGEND, Column, columns_in
from ids.results.frames import baseline_note, baseline_of, in_order
from ids.results.statistics import (
    by_batch,
    by_case,
    estimate,
    finite,
    paired_differences,
    undefined_note,
)

BAD = ("failed", "unsupported")  # counted in every table; other statuses where there are any


def table(
    title: str, frame: pd.DataFrame, baseline: str = "dds", notes: Sequence[str] = ()
) -> Report:
    """Of the `frame` of one data set and backbone."""
    frame = frame.sort_values(["case", "seed", "key"])  # sums do not depend on the records' order
    done = frame[frame["status"] == "ok"]
    columns = [c for c in columns_in(done.columns) if done[c.key].notna().any()]
    paired = [column for column in columns if not column.measured]  # batches have no pairs
    told = (*_notes(frame), *undefined_note(done, paired))
    told += (*baseline_note(_settings(frame), baseline), *notes)
    done = finite(done, columns)
    edits = {label: done[done["label"] == label] for label in done["label"].unique()}
    grids = [_means(title, frame, edits, columns)]
    differences = _differences(_settings(done), edits, paired, baseline) if paired else ()
    if differences:
        grids.append(Grid("paired differences", tuple(paired), differences, paired=True))
    return Report(title, tuple(grids), told, tuple(sorted(frame["key"])))


def _means(
    title: str, frame: pd.DataFrame, edits: Mapping[str, pd.DataFrame], columns: Sequence[Column]
) -> Grid:
    statuses = (*BAD, *sorted(set(frame["status"].unique()) - {"ok", *BAD}))
    rows = []
    for label in in_order(frame["label"].unique()):
        asked = frame[frame["label"] == label]
        counts = asked.groupby("status")["case"].nunique().to_dict()
        cells = _cells(edits[label], columns) if label in edits else (MISSING,) * len(columns)
        others = tuple(counts.get(status, 0) for status in statuses)
        rows.append(Row(label, counts.get("ok", 0), cells, others=others))
    return Grid(title, tuple(columns), tuple(rows), statuses=statuses)


def _cells(edits: pd.DataFrame, columns: Sequence[Column]) -> tuple[Cell, ...]:
    """A mean per column, over cases or over batches."""
    measured = [column.key for column in columns if column.measured]
    means = by_case(edits, [column.key for column in columns if not column.measured])
    batches = by_batch(edits, measured) if measured else means
    return tuple(
        _cell((batches if column.measured else means)[column.key], column) for column in columns
    )


def _cell(values: pd.Series, column: Column) -> Cell:
    cell = estimate(values)
    return Cell(cell.value, math.nan, math.nan, cell.n) if column.exact else cell


def _differences(
    settings: pd.DataFrame,
    edits: Mapping[str, pd.DataFrame],
    columns: Sequence[Column],
    baseline: str,
) -> tuple[Row, ...]:
    """Of everything to the nearest setting of the baseline, case by case."""
    rows = []
    for label in in_order(settings["label"]):
        base = baseline_of(label, settings, baseline)
        if base is None or label == base:
            continue
        pairs = paired_differences(edits[label], edits[base], [c.key for c in columns])
        cells = tuple(estimate(pairs[column.key]) for column in columns)
        rows.append(Row(label, len(pairs), cells, against=base))
    return tuple(rows)


def _settings(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per label: settings are compared once each, not once an edit."""
    return frame.drop_duplicates("label")[["label", "values"]]


def _notes(frame: pd.DataFrame) -> tuple[str, ...]:
    seeds = [int(seed) for seed in sorted(frame["seed"].unique()) if seed >= 0]
    averaged = (
        f"seeds {seeds} are averaged in a case first" if seeds else "no method here is seeded"
    )
    notes = [LEGEND, f"± is a 95 % Student t interval over cases; {averaged}."]
    if "engine" in frame and frame["engine"].notna().any():
        engines = "; ".join(sorted(frame["engine"].dropna().unique()))
        notes.append(
            f"Seconds and memory over batches, on {engines}; warm-up, decoding, saving excluded."
        )
    return tuple(notes)
