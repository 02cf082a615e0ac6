"""The axis of matched edit strength, and the levels at which methods are compared."""

import math
from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from ids.core.errors import ConfigError, DataError
from ids.results.columns import base_of

# The first that the results have; those of the views are of scenes.
AXES = ("success", "views_success", "clip_directional", "views_clip_directional", "latent_distance")
SHARES_OF_CASES = ("success", "views_success")  # between 0 and 1
SUCCESS_LEVELS = (0.8, 0.9, 0.95)
SHARES = (0.5, 0.9)  # of the range that every method covers, for axes without a natural scale
WHERE = "matched edit strength"
Span = tuple[float, float]


def axis_of(frame: pd.DataFrame, name: str | None = None, flag: str = "--axis") -> str:
    """The column that measures edit strength: this metric's, or the first of `AXES` with values.
    `DataError` for a frame without points of curves, or without that metric.
    """
    if not has_points(frame):
        raise DataError(
            f"{WHERE}: expected edits with kept states, or a method with several settings; found "
            "none; run again with keep_every=10 (existing edits: with --force)"
        )
    return find_column(frame, [name] if name else AXES, AXES, WHERE, flag)


def has_points(frame: pd.DataFrame) -> bool:
    """Has a `curve_frame` any point of a curve? Null and true edit are none."""
    return not (frame.empty or (frame["step"] == 0).all())


def find_column(
    frame: pd.DataFrame, names: Sequence[str], examples: Sequence[str], where: str, flag: str
) -> str:
    """The column of the first of these metrics that has values after the untouched source.
    `DataError` where none has, or one by several networks; it names the `examples` that have.
    """
    for name in names:
        known = _known(frame, name)
        if len(known) == 1:
            return known[0]
        if known:
            raise DataError(
                f"{where}: expected one {name}; got several, by network: "
                f"{', '.join(known)}; name one with {flag}"
            )
    wanted = repr(names[0]) if len(names) == 1 else f"none of {', '.join(names)}"
    usable = ", ".join(example for example in examples if _known(frame, example))
    raise DataError(
        f"{where}: expected a metric of the results{usable and f', such as {usable}'}; "
        f"got {wanted}; name another with {flag}"
    )


def _known(frame: pd.DataFrame, name: str) -> list[str]:
    """The columns of this metric that have values after the untouched source."""
    found = [column for column in map(str, frame) if name in (base_of(column), column)]
    return [c for c in found if frame.loc[frame["step"] != 0, c].notna().any()]


def default_levels(axis: str, spans: Mapping[str, Span]) -> Sequence[float]:
    """Fixed ones of success; otherwise shares of the range that the curves share, whose mean
    strength spans these ranges. The shortest ones are left out as long as nothing is shared.
    `DataError` where no curve has a width.
    """
    if base_of(axis) in SHARES_OF_CASES:
        return SUCCESS_LEVELS
    widths = {label: high - low for label, (low, high) in spans.items()}
    kept = [spans[k] for k in sorted(spans, key=widths.__getitem__) if widths[k] > 0]
    while kept:
        low, high = max(low for low, _ in kept), min(high for _, high in kept)
        if high > low:
            return [low + share * (high - low) for share in SHARES]
        kept = kept[1:]
    highest = max((high for _, high in spans.values() if math.isfinite(high)), default=0.0)
    raise DataError(
        f"{WHERE}: expected {axis} to grow along the curves; got methods that never exceed "
        f"{highest:.3g}; name a level with --at, or another metric of edit strength"
    )


def check_level(
    axis: str, level: float, starts: Mapping[str, float], anytime: Collection[str]
) -> list[str]:
    """The curves along settings whose first one is stronger than the level: they are not read at
    it. `starts` are the mean strengths at the first points. `ConfigError` for a level that is not
    finite, `DataError` for one that an `anytime` method has reached at step 0.
    """
    if not math.isfinite(level):
        raise ConfigError(
            f"--at: expected a finite number; got {level}; choose a level of the metric"
        )
    for label in anytime:
        if (start := starts[label]) >= level:
            raise DataError(
                f"{WHERE}: expected a level of {axis} above the start of {label}, which starts at "
                f"{start:.3g}; got {level:.3g}; raise --at, or name another metric of edit strength"
            )
    return [k for k, start in starts.items() if start > level and k not in anytime]


def above_note(level: float, labels: Sequence[str]) -> str:
    """Names methods whose weakest setting is already stronger than a level; empty without any."""
    if not labels:
        return ""
    return (
        f"Not read at {level:.3g}: {', '.join(labels)}; the weakest setting is stronger; sweep "
        "further down."
    )
