"""The numbers of `ids table --matched` and `ids frontier` as frames: one line each."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from ids.core.errors import ConfigError, DataError
from ids.results.columns import columns_in, select_columns
from ids.results.compare import METADATA, NEEDED, SETTING, with_values
from ids.results.frontier_report import frontier_report
from ids.results.grids import Estimate
from ids.results.labels import baseline_note
from ids.results.levels import axis_of
from ids.results.matched import matched
from ids.results.methods import Question

log = logging.getLogger(__name__)
GROUP = ["dataset", "place", "backbone"]
NUMBERS = ["value", "low", "high", "n"]
Line = dict[str, Any]


def matched_frame(
    frame: pd.DataFrame, question: Question, columns: Sequence[str] = ()
) -> pd.DataFrame:
    """Of a frame of `ids.results(states=True)`: a line per data set, backbone, level of the axis,
    method, baseline (`against`, empty for a value) and column. `columns` selects metrics.
    """

    def lines(edits: pd.DataFrame) -> Iterator[Line]:
        axis = axis_of(edits, question.axis)
        shown = select_columns(columns_in(_metrics(edits)), columns, keep=axis)
        found = matched(edits, question, shown)
        _warn(baseline_note(found.methods.settings, question.baseline))
        for level, rows in found.rows.items():
            place = {"axis": level.axis, "level": level.value}
            for row in rows:
                keys = found.columns if row.against is None else found.differing
                for column, cell in zip(keys, row.cells, strict=True):
                    yield place | _number(row.method, row.against or "", column.key, cell)

    labels = ["axis", "level", "method", "against", "column"]
    return _by_group(frame, lines, labels, "matched")


def frontier_frame(
    frame: pd.DataFrame, question: Question, metric: str | None = None
) -> pd.DataFrame:
    """Of a frame of `ids.results(states=True)`: a line per data set, backbone, method, baseline
    (`against`, empty for a value) and column: `first` and `last` of the knob, `weakest` and
    `strongest` of edit strength, the `mean` of identity over the common range, its values `at`
    levels, and the `dominance` over another method.
    """

    def lines(edits: pd.DataFrame) -> Iterator[Line]:
        known = columns_in(_metrics(edits))
        report = frontier_report("", edits, question, metric, columns=known)
        _warn(note for note in report.all_notes() if note.startswith("No paired differences"))
        for grid in report.grids[:-1]:  # the last has the points of the Pareto set
            for row in grid.rows:
                for column, cell in zip(grid.columns, row.cells, strict=True):
                    over = column.key.removeprefix("over ")
                    if over == column.key:
                        yield _number(row.method, row.against or "", column.key, cell)
                    elif over != row.method:
                        yield _number(row.method, over, "dominance", cell)

    return _by_group(frame, lines, ["method", "against", "column"], "frontier")


def _by_group(
    frame: pd.DataFrame,
    lines: Callable[[pd.DataFrame], Iterator[Line]],
    labels: Sequence[str],
    name: str,
) -> pd.DataFrame:
    """All groups; of several, one without curves is logged and left out."""
    if frame.empty:
        raise ConfigError(f"{name}: expected results; got an empty frame; select some")
    if missing := [column for column in (*NEEDED, "step") if column not in frame]:
        raise ConfigError(
            f"{name}: expected a frame of ids.results(states=True); got one without "
            f"{', '.join(missing)}; keep its columns"
        )
    groups, found = list(frame.groupby(GROUP, sort=False)), []
    for names, group in groups:
        place = dict(zip(GROUP, names, strict=True))
        try:
            found += [place | line for line in lines(with_values(group))]
        except DataError as error:
            if len(groups) == 1:
                raise
            log.warning("%s on %s: %s", names[0], names[2], error)
    return pd.DataFrame(found, columns=[*GROUP, *labels, *NUMBERS])


def _metrics(frame: pd.DataFrame) -> list[str]:
    numbers = [str(name) for name in frame.select_dtypes("number")]
    return [name for name in numbers if not name.startswith((SETTING, METADATA))]


def _number(method: str, against: str, column: str, cell: Estimate) -> Line:
    numbers = {key: value for key, value in asdict(cell).items() if key in NUMBERS}
    return {"method": method, "against": against, "column": column, **numbers}


def _warn(notes: Any) -> None:
    for note in notes:
        log.warning("%s", note)
