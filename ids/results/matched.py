"""`ids table --matched`: identity where the methods edited equally far."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from ids.core.errors import ConfigError, DataError
from ids.report.grid import Report
from ids.results.bootstrap import Level, MeanOf, mean_curves, read, starts, top
from ids.results.cells import Grid, Row
from ids.results.columns import LEGEND, Column, columns_in
from ids.results.curves import Curves, States, paired, setting_states
from ids.results.frames import baseline_note, baseline_of
from ids.results.statistics import undefined_note
from ids.run.evaluate import SEPARATOR

AXES = ("success", "clip_directional", "latent_distance")  # the first that the results have
SUCCESS_LEVELS = (0.8, 0.9, 0.95)
SHARES = (0.5, 0.9)  # of the way that every method goes, for axes without a scale of their own
STEP = Column("step", "steps", 1)
NOTE = (
    "Read along each method's own steps, where the mean over the cases first gets to the level; "
    "- where it never does. Null and true edit take no steps, and stand as they are. [low, high]: "
    "95 % bootstrap over cases, seeds averaged in a case first, the same cases, seeds and "
    "resamples on both sides of a difference; none where less than 95 % of the resamples get there."
)


@dataclass(frozen=True)
class Question:
    """What is read off, and where: None and empty leave the choice to the results."""

    axis: str | None = None
    levels: Sequence[float] = ()
    baseline: str = "dds"


@dataclass(frozen=True)
class Compared:
    """A setting, or with `against` a setting and its baseline, over the same cases and seeds."""

    method: str
    sides: tuple[Curves, ...]
    against: str | None = None

    def row(self, level: Level, columns: Sequence[Column], mean: MeanOf) -> Row:
        shown = columns if self.against is None else _besides(level, columns)
        cells = tuple(read(self.sides, level, column.key, mean) for column in shown)
        return Row(self.method, self.sides[0].n_cases, cells, self.against)


def matched_report(
    title: str, frame: pd.DataFrame, question: Question, notes: Sequence[str] = ()
) -> Report:
    """Of a `curve_frame` of one data set and backbone."""
    axis = axis_of(frame, question.axis)
    columns = _columns(frame)
    states = setting_states(frame, [c.key for c in columns])
    settings = frame.drop_duplicates("label")[["label", "values"]]
    compared = list(_compared(states, settings, question.baseline))
    curves = {each.method: each.sides[0] for each in compared if each.against is None}
    levels = [Level(axis, value) for value in question.levels or _levels(axis, curves)]
    for level in levels:
        _check_start(level, curves)
    mean = mean_curves()
    rows = [[each.row(level, columns, mean) for level in levels] for each in compared]
    grids = [
        grid
        for level, own in zip(levels, zip(*rows, strict=True), strict=True)
        for grid in _grids(title, level, columns, own)
    ]
    told = (
        *(LEGEND, NOTE, *_stepless(curves), *_undefined(frame, states, columns)),
        *baseline_note(settings, question.baseline),
    )
    keys = tuple(sorted(frame["key"].unique()))
    return Report(f"{title}, at equal {axis}", tuple(grids), (*told, *notes), keys)


def _compared(
    states: Mapping[str, States], settings: pd.DataFrame, baseline: str
) -> Iterator[Compared]:
    """Every setting, and after it its difference to the nearest setting of the baseline."""
    curves = cache(States.curves)
    for label, own in states.items():
        yield Compared(label, (curves(own),))
        base = baseline_of(label, settings, baseline)
        if base is None or label == base or not own.moving:
            continue
        ours, theirs = paired(own, states[base])
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
        yield Grid(name, _besides(level, columns), differences, paired=True, symmetric=False)


def _besides(level: Level, columns: Sequence[Column]) -> tuple[Column, ...]:
    """At equal strength there is no difference of it."""
    return tuple(column for column in columns if column.key != level.axis)


def axis_of(frame: pd.DataFrame, asked: str | None = None) -> str:
    """The column that measures strength: the one asked for, or the first that is there."""
    if frame.empty or not frame[["label", "step"]].drop_duplicates()["label"].duplicated().any():
        raise DataError(
            "matched strength: expected edits with kept states; there are none; "
            "run again with keep_every=10 (and another output_dir, where edits are there already)"
        )
    for axis in [asked] if asked else AXES:
        found = [c for c in map(str, frame) if c.split(SEPARATOR)[0] == axis or c == axis]
        known = [c for c in found if frame.loc[frame["step"] > 0, c].notna().any()]
        if len(known) == 1:
            return known[0]
        if known:
            raise DataError(
                f"matched strength: expected one {axis}; there are several, by network: "
                f"{', '.join(known)}; name one with --axis"
            )
    raise DataError(
        f"matched strength: expected a metric of the results, such as {', '.join(AXES)}; "
        f"got {asked!r}; name another with --axis"
    )


def _columns(frame: pd.DataFrame) -> list[Column]:
    """Those with values; each is a value a case here, passes too."""
    known = [c for c in columns_in(frame.columns) if frame[c.key].notna().any()]
    shown = [STEP, *(c for c in known if c.key != "seconds")]
    return [replace(column, measured=False, exact=False) for column in shown]


def _stepless(curves: Mapping[str, Curves]) -> tuple[str, ...]:
    """What has curves, but of one point."""
    return tuple(
        f"{label}: its edits kept no states after the same steps, and are not matched; "
        "run them again with one keep_every."
        for label, own in curves.items()
        if own.moving and len(own.steps) < 2
    )


def _undefined(
    frame: pd.DataFrame, states: Mapping[str, States], columns: Sequence[Column]
) -> tuple[str, ...]:
    """The untouched source aside, of which much is undefined."""
    moving = [label for label, own in states.items() if own.moving]
    past = (frame["step"] > 0) | ~frame["label"].isin(moving)
    return undefined_note(frame.loc[past, ["key", *(c.key for c in columns)]], columns)


def _levels(axis: str, curves: Mapping[str, Curves]) -> Sequence[float]:
    if axis.split(SEPARATOR)[0] == "success":
        return SUCCESS_LEVELS
    moving = [own for own in curves.values() if len(own.steps) > 1]
    low = np.nanmax([0.0, *(starts(own, axis) for own in moving)])
    high = min((top(own, axis) for own in moving), default=-math.inf)
    if not high > low:
        raise DataError(
            f"matched strength: expected {axis} to grow along the steps; some method never gets "
            f"above {low:.3g}; name a level with --at, or another metric with --axis"
        )
    return [float(low + share * (high - low)) for share in SHARES]


def _check_start(level: Level, curves: Mapping[str, Curves]) -> None:
    """A level that is no number, or that the untouched image has already, matches nothing."""
    if not math.isfinite(level.value):
        raise ConfigError(f"--at {level.value}: expected a finite number; got none; give one")
    for label, own in curves.items():
        if own.moving and starts(own, level.axis) >= level.value:
            raise DataError(
                f"matched strength: expected a level of {level.axis} that an edit has to reach; "
                f"{label} starts at {starts(own, level.axis):.3g}, and {level.value:.3g} was "
                "asked for; raise --at, or name a metric that grows with the edit with --axis"
            )
