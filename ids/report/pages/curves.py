"""Identity over edit strength of one group: figures, matched tables and frontiers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from ids.core.errors import ConfigError, DataError
from ids.core.places import create_folder
from ids.report.figure import PANELS, draw_curves
from ids.report.pages.embed import data_uri
from ids.report.write import file_name
from ids.results.catalog import ResultGroup
from ids.results.columns import base_of
from ids.results.frames import columns_of, curve_frame
from ids.results.frontier_report import frontier_report
from ids.results.grids import Report
from ids.results.knobs import along_knobs
from ids.results.levels import AXES, axis_of, has_points
from ids.results.matched import matched_report
from ids.results.methods import Question
from ids.run.store import Store

CHOICE = "`ids table --matched --axis METRIC`"  # where a reader chooses the axis


@dataclass(frozen=True)
class Curves:
    """What is shown of the curves of a group: a figure as a data URI (empty without one), reports,
    and the reasons for what is missing.
    """

    figure: str
    reports: Sequence[Report]
    missing: Sequence[str]


def read_curves(group: ResultGroup, store: Store, baseline: str, folder: Path) -> Curves:
    """The figure is also written into a folder, as PNG and SVG."""
    lines = curve_frame(group.entries, store)
    if reason := _no_curve(lines):
        return Curves("", (), (reason,))
    axis = axis_of(lines)
    columns = columns_of(group.entries, lines)
    question = Question(axis=axis, baseline=baseline)
    panels = [column for column in columns if column.key in PANELS]
    create_folder(folder)
    reports, missing, figure = [], [], ""
    makers = (
        partial(matched_report, group.title, lines, question, (), columns),
        partial(frontier_report, group.title, lines, question, None, (), columns),
    )
    for make in makers:
        try:
            reports.append(make())
        except (DataError, ConfigError) as error:
            missing.append(str(error))
    try:
        beside = folder / f"{file_name(group.title)}.svg"
        for path in draw_curves(lines, question, group.title, beside, panels):
            figure = data_uri(path.read_bytes()) if path.suffix == ".svg" else figure
    except DataError as error:
        missing.append(str(error))
    return Curves(figure, tuple(reports), tuple(dict.fromkeys(missing)))


def _no_curve(lines: pd.DataFrame) -> str:
    """Why these results have no curve, in words for readers of a page; empty where they have."""
    if not has_points(lines):
        return (
            "No curve: these edits have no kept states, and no method has several settings. New "
            "edits with keep_every=10, or several values of one number of a method, make one."
        )
    if not set(AXES) & {base_of(str(column)) for column in lines}:
        return f"No curve: these results have no metric of edit strength ({', '.join(AXES)})."
    try:
        along = along_knobs(lines, axis_of(lines, flag=CHOICE), {})
    except DataError as error:
        return f"No curve. {error}"
    return "" if along.knobs else f"No curve. {' '.join(along.notes)}"
