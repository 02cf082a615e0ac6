"""The numbers of `ids table` as a frame: means and paired differences, one line each."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ids.core.errors import ConfigError
from ids.results.columns import columns_in, select_columns
from ids.results.table import table

SETTING, METADATA = "setting.", "metadata."  # of the columns that are no metrics
NEEDED = ("dataset", "place", "backbone", "label", "case", "seed", "status", "key")


def compare_frame(
    frame: pd.DataFrame, baseline: str = "dds", columns: Sequence[str] = ()
) -> pd.DataFrame:
    """Of a frame of `ids.results`: columns dataset, backbone, method, against (empty for a mean),
    column, value, low, high (nan below two cases) and n. `columns` selects metrics. `ConfigError`
    for another frame, or a column that it lacks.
    """
    if missing := [name for name in NEEDED if name not in frame]:
        raise ConfigError(
            f"compare: expected a frame of ids.results; got one without {', '.join(missing)}; "
            "keep its columns"
        )
    lines: list[dict[str, Any]] = []
    for (dataset, _, backbone), own in frame.groupby(["dataset", "place", "backbone"], sort=False):
        place = {"dataset": dataset, "backbone": backbone}
        lines += [place | line for line in _lines(_with_values(own), baseline, columns)]
    return pd.DataFrame(lines, columns=[*place_columns(), "value", "low", "high", "n"])


def place_columns() -> list[str]:
    """The columns that say what a number is of."""
    return ["dataset", "backbone", "method", "against", "column"]


def _lines(frame: pd.DataFrame, baseline: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    numbers = [str(name) for name in frame.select_dtypes("number")]
    metrics = [name for name in numbers if not name.startswith((SETTING, METADATA))]
    shown = select_columns(columns_in(metrics), columns)
    report = table("", frame, baseline, columns=shown)
    return [
        {
            "method": row.method,
            "against": row.against or "",
            "column": column.key,
            "value": cell.value,
            "low": cell.low,
            "high": cell.high,
            "n": cell.n,
        }
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
