"""`ids table --matched`: preservation where the methods have reached the same edit strength."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import pandas as pd

from ids.results.bootstrap import Level, MeanOf, mean_curves, read
from ids.results.columns import Column, columns_in, legend
from ids.results.curves import Curves, States, paired, setting_states
from ids.results.grids import Grid, Report, Row
from ids.results.labels import baseline_note, baseline_of, settings_of
from ids.results.levels import axis_of, check_start, default_levels
from ids.results.omissions import undefined_note

STEP = Column("step", "steps", 1)
NOTE = (
    "Each method is read where its mean over the cases first reaches the level; - where it never "
    "does. Null and true edit take no steps and are shown unmatched. [low, high]: 95 % bootstrap "
    "over cases, seeds averaged per case first; a difference uses the same cases, seeds and "
    "resamples on both sides; no interval where less than 95 % of the resamples reach the level."
)


@dataclass(frozen=True)
class Question:
    """The metric that measures edit strength, its levels, and the baseline of differences. By
    default, the results determine axis and levels.
    """

    axis: str | None = None
    levels: Sequence[float] = ()
    baseline: str = "dds"


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
        shown = columns if self.against is None else _without_axis(level, columns)
        cells = tuple(read(self.sides, level, column.key, mean) for column in shown)
        return Row(self.method, self.sides[0].n_cases, cells, self.against)


def matched_report(
    title: str,
    frame: pd.DataFrame,
    question: Question,
    notes: Sequence[str] = (),
    columns: Sequence[Column] | None = None,
) -> Report:
    """Of a `curve_frame` of one data set and backbone; `columns` (default: all of the frame) are
    those that may be shown. `DataError` where the results have no kept states or no such axis.
    """
    axis = axis_of(frame, question.axis)
    columns = _shown(frame, columns_in(map(str, frame)) if columns is None else columns)
    states = setting_states(frame, list({axis: None, **{c.key: None for c in columns}}))
    settings = settings_of(frame)
    compared = list(_compared(states, settings, question.baseline))
    curves = {each.method: each.sides[0] for each in compared if each.against is None}
    levels = [Level(axis, value) for value in question.levels or default_levels(axis, curves)]
    for level in levels:
        check_start(level, curves)
    mean = mean_curves()
    rows = [[each.row(level, columns, mean) for level in levels] for each in compared]
    grids = [
        grid
        for level, of_level in zip(levels, zip(*rows, strict=True), strict=True)
        for grid in _grids(title, level, columns, of_level)
    ]
    own_notes = (legend(columns), NOTE, *_stepless(curves), *_undefined(frame, states, columns))
    notes = (*own_notes, *baseline_note(settings, question.baseline), *notes)
    keys = tuple(sorted(frame["key"].unique()))
    return Report(f"{title}, at equal {axis}", tuple(grids), notes, keys)


def _shown(frame: pd.DataFrame, columns: Sequence[Column]) -> list[Column]:
    """Those with values. Each has one value per case here, NFE too."""
    known = [c for c in columns if c.key in frame and frame[c.key].notna().any()]
    shown = [STEP, *(c for c in known if c.key != "seconds")]
    return [replace(column, measured=False, exact=False) for column in shown]


def _compared(
    states: Mapping[str, States], settings: pd.DataFrame, baseline: str
) -> Iterator[Compared]:
    """Every setting, and after it its difference to the nearest setting of the baseline."""
    curves = cache(States.curves)
    for label, ours in states.items():
        yield Compared(label, (curves(ours),))
        base = baseline_of(label, settings, baseline)
        if base is None or label == base or not ours.moving:
            continue
        ours, theirs = paired(ours, states[base])
        if len(ours.edits):
            yield Compared(label, (curves(ours), curves(theirs)), base)


def _grids(
    title: str, level: Level, columns: Sequence[Column], rows: Sequence[Row]
) -> Iterator[Grid]:
    name = f"{title}, where {level.axis.replace('_', ' ')} first reaches {level.value:.3g}"
    alone = tuple(row for row in rows if row.against is None)
    yield Grid(name, tuple(columns), alone, symmetric=False)
    if len(alone) < len(rows):
        name = f"paired differences at {level.value:.3g}"
        differences = tuple(row for row in rows if row.against is not None)
        shown = _without_axis(level, columns)
        yield Grid(name, shown, differences, paired=True, symmetric=False)


def _without_axis(level: Level, columns: Sequence[Column]) -> tuple[Column, ...]:
    """At matched edit strength, its difference is zero."""
    return tuple(column for column in columns if column.key != level.axis)


def _stepless(curves: Mapping[str, Curves]) -> tuple[str, ...]:
    """Settings whose curves have a single point."""
    return tuple(
        f"{label}: its edits share no kept step and are not matched; run them again with one "
        "keep_every."
        for label, curve in curves.items()
        if curve.moving and len(curve.steps) < 2
    )


def _undefined(
    frame: pd.DataFrame, states: Mapping[str, States], columns: Sequence[Column]
) -> tuple[str, ...]:
    """Without step 0, where many metrics are undefined."""
    moving = [label for label, states_of in states.items() if states_of.moving]
    later = (frame["step"] > 0) | ~frame["label"].isin(moving)
    return undefined_note(frame.loc[later, ["key", *(c.key for c in columns)]], columns)
