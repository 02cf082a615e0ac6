"""The numbers of `ids table` as a frame: means and paired differences, one line each."""

import logging
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ids.core.errors import ConfigError
from ids.results.columns import columns_in, select_columns
from ids.results.intervals import IntervalKind, check_kind
from ids.results.labels import baseline_note, settings_of
from ids.results.table import table

log = logging.getLogger(__name__)
COLUMNS = ("dataset", "place", "backbone", "method", "against", "column")  # the labels of a number
NUMBERS = ("value", "low", "high", "n", "undefined", "infinite", "not_computed")
TESTS = ("spread", "d_z", "p", "p_corrected", "detectable")
SETTING, METADATA = "setting.", "metadata."  # of the columns that are no metrics
NEEDED = ("dataset", "place", "backbone", "label", "case", "seed", "status", "key")


def compare_frame(
    frame: pd.DataFrame,
    baseline: str = "dds",
    columns: Sequence[str] = (),
    interval: str = "bootstrap",
) -> pd.DataFrame:
    """Of a frame of `ids.results`: a line per data set (its name and full path), backbone, method,
    baseline (`against`, empty for a mean) and column, with value, low, high (nan below two cases),
    n, and the numbers of cases that are left out by reason; differences also have the numbers of
    `PairedTest`. `columns` selects metrics, and p-values are corrected for all differences of these
    columns on the same data set and backbone. `interval`: bootstrap or t. Logs a warning for a data
    set without the baseline. `ConfigError` for another frame, or a column that it lacks.
    """
    kind = check_kind(interval)
    _check(frame)
    lines: list[dict[str, Any]] = []
    for names, group in frame.groupby(list(COLUMNS[:3]), sort=False):
        edits = _with_values(group)
        for note in baseline_note(settings_of(edits), baseline):
            log.warning("%s on %s: %s", names[0], names[2], note)
        labels = dict(zip(COLUMNS, names, strict=False))
        lines += [labels | line for line in _lines(edits, baseline, columns, kind)]
    return pd.DataFrame(lines, columns=[*COLUMNS, *NUMBERS, *TESTS])


def _check(frame: pd.DataFrame) -> None:
    if frame.empty:
        raise ConfigError("compare: expected results; got an empty frame; select some")
    if missing := [name for name in NEEDED if name not in frame]:
        raise ConfigError(
            f"compare: expected a frame of ids.results; got one without {', '.join(missing)}; "
            "keep its columns"
        )
    if "step" in frame:
        raise ConfigError(
            "compare: expected a line per edit; got kept states; use ids.results(states=False)"
        )


def _lines(
    frame: pd.DataFrame, baseline: str, columns: Sequence[str], interval: IntervalKind
) -> list[dict[str, Any]]:
    numbers = [str(name) for name in frame.select_dtypes("number")]
    metrics = [name for name in numbers if not name.startswith((SETTING, METADATA))]
    shown = select_columns(columns_in(metrics), columns)
    report = table("", frame, baseline, columns=shown, interval=interval)
    return [
        {"method": row.method, "against": row.against or "", "column": column.key, **cell.numbers}
        for grid in report.grids
        for row in grid.rows
        for column, cell in zip(grid.columns, row.cells, strict=True)
    ]


def _with_values(frame: pd.DataFrame) -> pd.DataFrame:
    """With the values of each setting in one column, and -1 for edits without a seed, as tables
    read them.
    """
    settings = [str(name) for name in frame if str(name).startswith(SETTING)]
    values = [
        {
            name.removeprefix(SETTING): str(value)
            for name, value in zip(settings, row, strict=True)
            if not pd.isna(value)
        }
        for row in frame[settings].itertuples(index=False, name=None)
    ]
    in_one = pd.Series(values, index=frame.index, dtype=object)
    return frame.assign(values=in_one, seed=frame["seed"].fillna(-1).astype(int))
