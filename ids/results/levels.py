"""The axis of matched edit strength, and the levels at which methods are compared."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ids.core.errors import ConfigError, DataError
from ids.results.bootstrap import Level, starts, top
from ids.results.columns import base_of
from ids.results.curves import Curves

AXES = ("success", "clip_directional", "latent_distance")  # the first that the results have
SUCCESS_LEVELS = (0.8, 0.9, 0.95)
SHARES = (0.5, 0.9)  # of the range that every method covers, for axes without a natural scale


def axis_of(frame: pd.DataFrame, name: str | None = None) -> str:
    """The column that measures edit strength: this metric's, or the first of `AXES` with values.
    `DataError` for a frame without kept states or without that metric.
    """
    if frame.empty or not frame[["label", "step"]].drop_duplicates()["label"].duplicated().any():
        raise DataError(
            "matched edit strength: expected edits with kept states; found none; "
            "run again with keep_every=10 (existing edits: with --force)"
        )
    for axis in [name] if name else AXES:
        found = [column for column in map(str, frame) if axis in (base_of(column), column)]
        known = [c for c in found if frame.loc[frame["step"] > 0, c].notna().any()]
        if len(known) == 1:
            return known[0]
        if known:
            raise DataError(
                f"matched edit strength: expected one {axis}; got several, by network: "
                f"{', '.join(known)}; name one with --axis"
            )
    raise DataError(
        f"matched edit strength: expected a metric of the results, such as {', '.join(AXES)}; "
        f"got {name!r}; name another with --axis"
    )


def default_levels(axis: str, curves: Mapping[str, Curves]) -> Sequence[float]:
    """Fixed ones of `success`; otherwise shares of the range that every method covers. `DataError`
    where there is no such range.
    """
    if base_of(axis) == "success":
        return SUCCESS_LEVELS
    moving = [curve for curve in curves.values() if len(curve.steps) > 1]
    low = np.nanmax([0.0, *(starts(curve, axis) for curve in moving)])
    high = min((top(curve, axis) for curve in moving), default=-math.inf)
    if not high > low:
        raise DataError(
            f"matched edit strength: expected {axis} to grow along the steps; got a method that "
            f"never exceeds {low:.3g}; name a level with --at, or another metric with --axis"
        )
    return [float(low + share * (high - low)) for share in SHARES]


def check_start(level: Level, curves: Mapping[str, Curves]) -> None:
    """`ConfigError` for a level that is not finite, `DataError` for one that a method has already
    reached at step 0.
    """
    if not math.isfinite(level.value):
        raise ConfigError(
            f"--at: expected a finite number; got {level.value}; choose a level of the metric"
        )
    for label, curve in curves.items():
        if curve.moving and starts(curve, level.axis) >= level.value:
            raise DataError(
                f"matched edit strength: expected a level of {level.axis} above the start of "
                f"{label}, which starts at {starts(curve, level.axis):.3g}; got {level.value:.3g}; "
                "raise --at, or name a metric that grows along the edit with --axis"
            )
