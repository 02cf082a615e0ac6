"""`ids table --matched`: identity where the methods edited equally far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ids.core.errors import DataError
from ids.report.columns import LEGEND, Column, columns_in
from ids.report.curves import Curves, matched, reading, resampled, starts, top
from ids.report.grid import Grid, Lines, Report
from ids.report.rows import baseline_note, baseline_of, in_order
from ids.run.evaluate import SEPARATOR

AXES = ("success", "clip_directional", "strength")  # the first that the results have
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


def matched_report(
    title: str, frame: pd.DataFrame, question: Question, notes: Sequence[str] = ()
) -> Report:
    """Of a `curve_frame` of one data set and backbone."""
    axis = axis_of(frame, question.axis)
    columns = _columns(frame)
    curves = setting_curves(frame, [c.key for c in columns])
    grids = []
    for level in question.levels or _levels(axis, curves):
        _check_start(axis, level, curves)
        name = f"{title}, where {axis.replace('_', ' ')} first reaches {level:.3g}"
        headers = ("method", "cases", *(c.header for c in columns))
        lines = [_line(label, own, axis, level, columns) for label, own in curves.items()]
        grids.append(Grid(name, headers, tuple(lines)))
        others = [column for column in columns if column.key != axis]
        if differences := _differences(frame, axis, level, others, question.baseline):
            headers = ("method", "against", "cases", *(c.header for c in others))
            grids.append(Grid(f"paired differences at {level:.3g}", headers, differences))
    missing = baseline_note(frame, question.baseline)
    keys = tuple(sorted(set(frame["key"])))
    return Report(f"{title}, at equal {axis}", tuple(grids), (LEGEND, NOTE, *missing, *notes), keys)


def axis_of(frame: pd.DataFrame, asked: str | None = None) -> str:
    """The column that measures strength: the one asked for, or the first that is there."""
    if frame.empty or frame.groupby("label")["step"].nunique().max() < 2:
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


def setting_curves(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, Curves]:
    """Per label, in order."""
    return {
        label: Curves.of(frame[frame["label"] == label], columns)
        for label in in_order(frame["label"])
    }


def _columns(frame: pd.DataFrame) -> list[Column]:
    known = [c for c in columns_in(frame.columns) if frame[c.key].notna().any()]
    return [STEP, *(c for c in known if c.key != "seconds")]


def _levels(axis: str, curves: Mapping[str, Curves]) -> Sequence[float]:
    if axis.split(SEPARATOR)[0] == "success":
        return SUCCESS_LEVELS
    moving = [own for own in curves.values() if len(own.steps) > 1]
    low = np.nanmax([0.0, *(starts(own, axis) for own in moving)])
    high = np.nanmin([top(own, axis) for own in moving])
    if not high > low:
        raise DataError(
            f"matched strength: expected {axis} to grow along the steps; some method never gets "
            f"above {low:.3g}; name a level with --at, or another metric with --axis"
        )
    return [float(low + share * (high - low)) for share in SHARES]


def _check_start(axis: str, level: float, curves: Mapping[str, Curves]) -> None:
    """A level that the untouched picture has already matches nothing."""
    for label, own in curves.items():
        if len(own.steps) > 1 and starts(own, axis) >= level:
            raise DataError(
                f"matched strength: expected a level of {axis} that an edit has to reach; "
                f"{label} starts at {starts(own, axis):.3g}, and {level:.3g} was asked for; "
                "raise --at, or name a metric that grows with the edit with --axis"
            )


def _line(
    label: str, own: Curves, axis: str, level: float, columns: Sequence[Column]
) -> tuple[str, ...]:
    cells = []
    for column in columns:
        defined = own.defined(axis, column.key)
        cells.append(_told([defined], len(own.cases), axis, level, column, ""))
    return (label, str(len(own.cases)), *cells)


def _differences(
    frame: pd.DataFrame, axis: str, level: float, columns: Sequence[Column], baseline: str
) -> Lines:
    lines = []
    for label in in_order(frame["label"]):
        base = baseline_of(label, frame, baseline)
        ours = frame[frame["label"] == label]
        if base is None or label == base or ours["step"].nunique() < 2:
            continue
        ours, theirs = _common(ours, frame[frame["label"] == base])
        if ours.empty:
            continue
        keys = [axis, *(column.key for column in columns)]
        pair = Curves.of(ours, keys), Curves.of(theirs, keys)
        cells = []
        for column in columns:
            both = set(pair[0].defined(axis, column.key).cases)
            both &= set(pair[1].defined(axis, column.key).cases)
            sides = [side.only(sorted(both)) for side in pair]
            cells.append(_told(sides, len(pair[0].cases), axis, level, column, "+"))
        lines.append((label, base, str(len(pair[0].cases)), *cells))
    return tuple(lines)


def _common(ours: pd.DataFrame, theirs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cases and seeds that both have."""
    keys = ["case", "seed"]
    shared = ours[keys].drop_duplicates().merge(theirs[keys].drop_duplicates(), on=keys)
    return ours.merge(shared, on=keys), theirs.merge(shared, on=keys)


def _told(
    sides: Sequence[Curves], n_cases: int, axis: str, level: float, column: Column, sign: str
) -> str:
    """The reading of one setting, or the difference of two over the same cases; `(n=3)` where the
    column is defined for fewer cases than there are.
    """
    used = len(sides[0].cases)
    if not used:
        return "-"
    weights = resampled(used)
    values = [matched(side, axis, level, column.key, weights) for side in sides]
    told = reading(values[0] if len(values) == 1 else values[0] - values[1])
    text = told.text(column.digits, sign)
    return text if used == n_cases or text == "-" else f"{text} (n={used})"
