"""`ids table --matched`: preservation where the methods have reached the same edit strength."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import pandas as pd

from ids.results.bootstrap import Level, MeanOf, mean_curves, plain_mean, read, span
from ids.results.columns import Column, columns_in, legend
from ids.results.curves import Curves, States, paired
from ids.results.grids import Grid, Report, Row
from ids.results.labels import baseline_note, baseline_of
from ids.results.levels import above_note, check_level, default_levels
from ids.results.methods import KNOB, MethodCurves, Question, method_curves

NOTE = (
    "Each method is read where its mean over the cases first reaches the level; - where it never "
    "does, or starts above it. Null and true edit are shown unmatched. [low, high]: 95 % bootstrap "
    "interval over cases, seeds averaged per case first; a difference uses the same cases, seeds "
    "and resamples on both sides; no "
    "interval where less than 95 % of the resamples reach the level."
)


@dataclass(frozen=True)
class Compared:
    """The curves of a setting, or with `against` of a setting and its baseline, over the same cases
    and seeds.
    """

    method: str
    sides: tuple[Curves, ...]
    against: str | None = None

    def row(self, level: Level, columns: Sequence[Column], mean: MeanOf) -> Row:
        """A cell per column, read at the level."""
        cells = tuple(read(self.sides, level, column.key, mean) for column in columns)
        return Row(self.method, self.sides[0].n_cases, cells, self.against)


@dataclass(frozen=True)
class Matched:
    """Rows per level: every curve, and after it its difference to the baseline. Rows of differences
    have the `differing` columns.
    """

    methods: MethodCurves
    columns: tuple[Column, ...]
    differing: tuple[Column, ...]
    rows: Mapping[Level, Sequence[Row]]
    notes: tuple[str, ...]


def matched_report(
    title: str,
    frame: pd.DataFrame,
    question: Question,
    notes: Sequence[str] = (),
    columns: Sequence[Column] | None = None,
) -> Report:
    """`matched` as tables."""
    found = matched(frame, question, columns)
    grids = [
        grid for level, rows in found.rows.items() for grid in _grids(title, level, found, rows)
    ]
    methods, own_notes = found.methods, (legend(found.columns), NOTE, *found.notes)
    notes = (*own_notes, *baseline_note(methods.settings, question.baseline), *notes)
    return Report(f"{title}, at equal {methods.axis}", tuple(grids), notes, methods.keys)


def matched(
    frame: pd.DataFrame, question: Question, columns: Sequence[Column] | None = None
) -> Matched:
    """Of a `curve_frame` of one data set and backbone; `columns` (default: all of the frame) are
    those that may be shown. `DataError` where the results have no curves or no such axis.
    """
    columns = _shown(frame, columns_in(map(str, frame)) if columns is None else columns)
    methods = method_curves(frame, question, [column.key for column in columns])
    shown = (methods.knob_column, *columns)
    compared = list(compare_curves(methods.states, methods.settings, question.baseline))
    curves = {each.method: each.sides[0] for each in compared if each.against is None}
    levels, above = _levels(methods, question, curves)
    # at matched edit strength its difference is zero, and different knobs have none
    left_out = (methods.axis, KNOB.key if methods.knob_column == KNOB else "")
    differing = tuple(column for column in shown if column.key not in left_out)
    mean = mean_curves()
    rows = {
        level: [each.row(level, differing if each.against else shown, mean) for each in compared]
        for level in levels
    }
    beyond = [note for level in levels if (note := _beyond_note(level.value, curves, methods.axis))]
    notes = (*methods.notes, *above, *beyond, *methods.undefined(columns))
    return Matched(methods, shown, differing, rows, notes)


def _levels(
    methods: MethodCurves, question: Question, curves: Mapping[str, Curves]
) -> tuple[list[Level], list[str]]:
    """The levels, and a note on curves that start above one."""
    axis = methods.axis
    means = {k: plain_mean(of, axis) for k, of in curves.items() if of.moving and len(of.steps) > 1}
    spans = {label: span(mean) for label, mean in means.items()}
    starts = {label: float(mean[0]) for label, mean in means.items()}
    anytime = [label for label in means if curves[label].from_source]
    values = question.levels or default_levels(axis, spans)
    above = [above_note(x, check_level(axis, x, starts, anytime)) for x in values]
    return [Level(axis, value) for value in values], [note for note in above if note]


def _beyond_note(level: float, curves: Mapping[str, Curves], axis: str) -> str:
    """A level that no curve reaches, and the highest mean; empty where one reaches it."""
    means = {k: plain_mean(of, axis) for k, of in curves.items() if of.moving}
    highest = {label: span(mean)[1] for label, mean in means.items()}
    reached = {label: high for label, high in highest.items() if math.isfinite(high)}
    if not reached or max(reached.values()) >= level:
        return ""
    best = max(reached, key=reached.__getitem__)
    return (
        f"No method reaches {axis} {level:.3g}: the highest mean is {reached[best]:.3g}, of "
        f"{best}; `ids table --matched --at LEVEL` reads a lower one."
    )


def _shown(frame: pd.DataFrame, columns: Sequence[Column]) -> list[Column]:
    """Those with values. Each has one value per case here, NFE too."""
    known = [c for c in columns if c.key in frame and frame[c.key].notna().any()]
    return [replace(c, measured=False, exact=False) for c in known if c.key != "seconds"]


def compare_curves(
    states: Mapping[str, States], settings: pd.DataFrame, baseline: str
) -> Iterator[Compared]:
    """Every curve, and after it its difference to the nearest one of the baseline."""
    curves = cache(States.curves)
    for label, ours in states.items():
        yield Compared(label, (curves(ours),))
        base = baseline_of(label, settings, baseline)
        if base is None or label == base or not ours.moving:
            continue
        ours, theirs = paired(ours, states[base])
        if len(ours.edits):
            yield Compared(label, (curves(ours), curves(theirs)), base)


def _grids(title: str, level: Level, found: Matched, rows: Sequence[Row]) -> Iterator[Grid]:
    name = f"{title}, where {level.axis.replace('_', ' ')} first reaches {level.value:.3g}"
    alone = tuple(row for row in rows if row.against is None)
    yield Grid(name, found.columns, alone, symmetric=False)
    if len(alone) < len(rows):
        name = f"paired differences at {level.value:.3g}"
        differences = tuple(row for row in rows if row.against is not None)
        yield Grid(name, found.differing, differences, paired=True, symmetric=False)
