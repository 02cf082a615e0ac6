"""The table: a line per method, numbers with intervals, differences paired to a baseline."""

from collections.abc import Sequence

import pandas as pd

from ids.report.columns import LEGEND, Column, columns_in
from ids.report.grid import Grid, Lines, Report
from ids.report.rows import baseline_note, baseline_of, in_order
from ids.report.statistics import by_batch, by_case, estimate, paired_difference


def table(
    title: str, frame: pd.DataFrame, baseline: str = "dds", notes: Sequence[str] = ()
) -> Report:
    """Of the `frame` of one data set and backbone."""
    done = frame[frame["status"] == "ok"]
    columns = [c for c in columns_in(done.columns) if done[c.key].notna().any()]
    labels = in_order(frame["label"])
    lines = []
    for label in labels:
        ours, asked = done[done["label"] == label], frame[frame["label"] == label]
        lines.append((label, _count(asked), *(_cell(ours, c) for c in columns)))
    headers = ("method", "cases", *(column.header for column in columns))
    grids = [Grid(title, headers, tuple(lines))]
    paired = [column for column in columns if not column.measured]  # batches have no pairs
    differences = _differences(done, paired, baseline) if paired else ()
    if differences:
        headers = ("method", "against", "cases", *(column.header for column in paired))
        grids.append(Grid("paired differences", headers, differences))
    return Report(
        title,
        tuple(grids),
        (*_notes(frame), *baseline_note(frame, baseline), *notes),
        tuple(sorted(frame["key"])),
    )


def _cell(frame: pd.DataFrame, column: Column) -> str:
    values = by_batch(frame, column.key) if column.measured else by_case(frame, column.key)
    if column.exact and len(values):
        return f"{values.mean():.{column.digits}f}"
    return estimate(values).text(column.digits)


def _differences(done: pd.DataFrame, columns: list[Column], baseline: str) -> Lines:
    """Of everything to the nearest setting of the baseline, case by case."""
    lines = []
    for label in in_order(done["label"]):
        base = baseline_of(label, done, baseline)
        if base is None or label == base:
            continue
        ours, theirs = done[done["label"] == label], done[done["label"] == base]
        pairs = [paired_difference(ours, theirs, column.key) for column in columns]
        cells = [pair.text(c.digits, "+") for pair, c in zip(pairs, columns, strict=True)]
        lines.append((label, base, str(max(pair.n for pair in pairs)), *cells))
    return tuple(lines)


def _count(frame: pd.DataFrame) -> str:
    done = frame[frame["status"] == "ok"]["case"].nunique()
    bad = frame[frame["status"] != "ok"].groupby("status")["case"].nunique()
    return ", ".join([str(done), *(f"{count} {status}" for status, count in bad.items())])


def _notes(frame: pd.DataFrame) -> tuple[str, ...]:
    seeds = sorted({int(seed) for seed in frame["seed"] if seed >= 0})
    averaged = (
        f"seeds {seeds} are averaged in a case first" if seeds else "no method here is seeded"
    )
    notes = [LEGEND, f"± is a 95 % Student t interval over cases; {averaged}."]
    if "engine" in frame and frame["engine"].notna().any():
        engines = "; ".join(sorted(set(frame["engine"].dropna())))
        notes.append(
            f"Seconds and memory over batches, on {engines}; warm-up, decoding, saving excluded."
        )
    return tuple(notes)
