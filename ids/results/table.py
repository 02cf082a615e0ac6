"""The table: a row per setting, means with intervals, differences paired to a baseline."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from ids.results.columns import Column, columns_in, legend
from ids.results.grids import MISSING, Estimate, Grid, Report, Row
from ids.results.labels import baseline_note, baseline_of, in_order, settings_of
from ids.results.statistics import (
    by_batch,
    by_case,
    estimate,
    finite,
    paired_differences,
    undefined_note,
)

BAD = ("failed", "unsupported")  # counted in every table; further statuses where they occur


def table(
    title: str,
    frame: pd.DataFrame,
    baseline: str = "dds",
    notes: Sequence[str] = (),
    columns: Sequence[Column] | None = None,
) -> Report:
    """Of the `frame` of one data set and backbone; `columns` (default: all of the frame) are those
    that may be shown.
    """
    frame = frame.sort_values(["case", "seed", "key"])  # sums do not depend on the records' order
    done = frame[frame["status"] == "ok"]
    columns = columns_in(map(str, frame)) if columns is None else columns
    columns = [c for c in columns if c.key in done and done[c.key].notna().any()]
    paired = [column for column in columns if not column.measured]  # batches have no pairs
    settings = settings_of(frame)
    own_notes = (*_notes(frame, columns), *undefined_note(done, paired))
    done = finite(done, columns)
    edits = {label: done[done["label"] == label] for label in done["label"].unique()}
    grids = [_means(title, frame, edits, columns)]
    differences = _differences(settings_of(done), edits, paired, baseline) if paired else ()
    if differences:
        grids.append(Grid("paired differences", tuple(paired), differences, paired=True))
    notes = (*own_notes, *baseline_note(settings, baseline), *notes)
    return Report(title, tuple(grids), notes, tuple(sorted(frame["key"])))


def _means(
    title: str, frame: pd.DataFrame, edits: Mapping[str, pd.DataFrame], columns: Sequence[Column]
) -> Grid:
    statuses = (*BAD, *sorted(set(frame["status"].unique()) - {"ok", *BAD}))
    rows = []
    for label in in_order(frame["label"].unique()):
        lines = frame[frame["label"] == label]
        counts = lines.groupby("status")["case"].nunique().to_dict()
        cells = _cells(edits[label], columns) if label in edits else (MISSING,) * len(columns)
        others = tuple(counts.get(status, 0) for status in statuses)
        rows.append(Row(label, counts.get("ok", 0), cells, others=others))
    return Grid(title, tuple(columns), tuple(rows), statuses=statuses)


def _cells(edits: pd.DataFrame, columns: Sequence[Column]) -> tuple[Estimate, ...]:
    """A mean per column, over cases or over batches."""
    measured = [column.key for column in columns if column.measured]
    means = by_case(edits, [column.key for column in columns if not column.measured])
    batches = by_batch(edits, measured) if measured else means
    return tuple(
        _cell((batches if column.measured else means)[column.key], column) for column in columns
    )


def _cell(values: pd.Series, column: Column) -> Estimate:
    cell = estimate(values)
    return Estimate(cell.value, math.nan, math.nan, cell.n) if column.exact else cell


def _differences(
    settings: pd.DataFrame,
    edits: Mapping[str, pd.DataFrame],
    columns: Sequence[Column],
    baseline: str,
) -> tuple[Row, ...]:
    """Of every setting to the nearest setting of the baseline, case by case."""
    rows = []
    for label in in_order(settings["label"]):
        base = baseline_of(label, settings, baseline)
        if base is None or label == base:
            continue
        pairs = paired_differences(edits[label], edits[base], [c.key for c in columns])
        cells = tuple(estimate(pairs[column.key]) for column in columns)
        rows.append(Row(label, len(pairs), cells, against=base))
    return tuple(rows)


def _notes(frame: pd.DataFrame, columns: Sequence[Column]) -> tuple[str, ...]:
    seeds = [int(seed) for seed in sorted(frame["seed"].unique()) if seed >= 0]
    averaged = f"seeds {seeds} are averaged per case first" if seeds else "no method uses seeds"
    notes = [legend(columns), f"± is a 95 % Student t interval over cases; {averaged}."]
    if "engine" in frame and frame["engine"].notna().any():
        engines = "; ".join(sorted(frame["engine"].dropna().unique()))
        notes.append(
            f"Seconds and memory over batches, on {engines}; without warm-up, decoding, saving."
        )
    return tuple(note for note in notes if note)
