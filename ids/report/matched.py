"""`ids table --matched`: identity where the methods edited equally far."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ids.core.errors import DataError
from ids.report.columns import LEGEND, Column, columns_in
from ids.report.curves import Curves, Weights, matched, mean_curve, reading, resampled
from ids.report.grid import Grid, Lines, Report
from ids.report.rows import baseline_of, in_order

AXES = ("success", "clip_directional", "strength")  # the first that the results have
SUCCESS_LEVELS = (0.8, 0.9, 0.95)
SHARES = (0.5, 0.9)  # of what every method reaches, for axes without a scale of their own
STEPS = (Column("step", "steps", 1), Column("passes", "passes", 0))
NOTE = (
    "Read along each method's own steps, where the mean over the cases first gets to the level; "
    "- where it never does. Null and true edit take no steps, and stand as they are. [low, high]: "
    "95 % bootstrap over cases, seeds averaged in a case first, the same resamples on both sides "
    "of a difference."
)


def matched_reports(
    frame: pd.DataFrame,
    axis: str,
    levels: Sequence[float] = (),
    baseline: str = "dds",
    notes: Sequence[str] = (),
) -> list[Report]:
    """One per data set and backbone, of a `curve_frame`."""
    groups = frame.groupby(["dataset", "backbone"], sort=True)
    return [
        _report(f"{data} on {net}", group, axis, levels, baseline, notes)
        for (data, net), group in groups
    ]


def axis_of(frame: pd.DataFrame) -> str:
    """The first axis of strength that is there."""
    if frame.empty:
        raise DataError(
            "matched strength: expected results with kept states; there are none; "
            "run again with keep_every=10 (and another output_dir, where edits are there already)"
        )
    return next(axis for axis in AXES if axis in frame and frame[axis].notna().any())


def setting_curves(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, Curves]:
    """Per label, in order."""
    return {
        label: Curves.of(frame[frame["label"] == label], columns)
        for label in in_order(frame["label"])
    }


def _report(
    title: str,
    frame: pd.DataFrame,
    axis: str,
    levels: Sequence[float],
    baseline: str,
    notes: Sequence[str],
) -> Report:
    columns = [c for c in columns_in(frame.columns) if frame[c.key].notna().any()]
    columns = [*STEPS, *(c for c in columns if c.key != "passes")]
    if axis not in frame or frame[axis].isna().all():
        raise DataError(
            f"matched strength: expected a metric of the results, such as {', '.join(AXES)}; "
            f"got {axis!r}; name another with --axis"
        )
    curves = setting_curves(frame, [c.key for c in columns])
    grids = []
    for level in levels or _levels(axis, curves):
        name = f"{title}, where {axis.replace('_', ' ')} first reaches {level:.3g}"
        headers = ("method", "cases", *(c.header for c in columns))
        lines = [_line(label, own, axis, level, columns) for label, own in curves.items()]
        grids.append(Grid(name, headers, tuple(lines)))
        others = [column for column in columns if column.key != axis]
        if differences := _differences(frame, curves, axis, level, others, baseline):
            headers = ("method", "against", "cases", *(c.header for c in others))
            grids.append(Grid(f"paired differences at {level:.3g}", headers, differences))
    keys = tuple(sorted(set(frame["key"])))
    return Report(f"{title}, at equal {axis}", tuple(grids), (LEGEND, NOTE, *notes), keys)


def _levels(axis: str, curves: dict[str, Curves]) -> Sequence[float]:
    if axis == "success":
        return SUCCESS_LEVELS
    tops = [
        float(np.nanmax(mean_curve(own.values[axis], resampled(len(own.cases), 0))))
        for own in curves.values()
    ]
    return [share * min(tops) for share in SHARES]


def _line(
    label: str, own: Curves, axis: str, level: float, columns: Sequence[Column]
) -> tuple[str, ...]:
    weights = resampled(len(own.cases))
    cells = [reading(matched(own, axis, level, c.key, weights)).text(c.digits) for c in columns]
    return (label, str(len(own.cases)), *cells)


def _differences(
    frame: pd.DataFrame,
    curves: dict[str, Curves],
    axis: str,
    level: float,
    columns: Sequence[Column],
    baseline: str,
) -> Lines:
    lines = []
    for label, own in curves.items():
        base = baseline_of(label, frame, baseline)
        if base is None or label == base or len(own.steps) == 1:
            continue
        common = [case for case in own.cases if case in curves[base].cases]
        ours, theirs = own.only(common), curves[base].only(common)
        weights = resampled(len(common))
        cells = [
            reading(_gap(ours, theirs, axis, level, c.key, weights)).text(c.digits, "+")
            for c in columns
        ]
        lines.append((label, base, str(len(common)), *cells))
    return tuple(lines)


def _gap(
    ours: Curves, theirs: Curves, axis: str, level: float, column: str, weights: Weights
) -> np.ndarray:
    above = matched(ours, axis, level, column, weights)
    return np.asarray(above - matched(theirs, axis, level, column, weights))
