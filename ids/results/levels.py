"""The axis of matched edit strength, and the levels at which methods are compared."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from ids.core.errors import ConfigError, DataError
from ids.results.bootstrap import Level, span, starts
from ids.results.columns import base_of
from ids.results.curves import Curves
from ids.results.knobs import STEPS

AXES = ("success", "clip_directional", "latent_distance")  # the first that the results have
SUCCESS_LEVELS = (0.8, 0.9, 0.95)
SHARES = (0.5, 0.9)  # of the range that every method covers, for axes without a natural scale
WHERE = "matched edit strength"
Span = tuple[float, float]


def axis_of(frame: pd.DataFrame, name: str | None = None, flag: str = "--axis") -> str:
    """The column that measures edit strength: this metric's, or the first of `AXES` with values.
    `DataError` for a frame without points of curves, or without that metric.
    """
    if frame.empty or (frame["step"] == 0).all():
        raise DataError(
            f"{WHERE}: expected edits with kept states, or a method with several settings; found "
            "none; run again with keep_every=10 (existing edits: with --force)"
        )
    return find_column(frame, [name] if name else AXES, WHERE, flag)


def find_column(frame: pd.DataFrame, names: Sequence[str], where: str, flag: str) -> str:
    """The column of the first of these metrics that has values after the untouched source.
    `DataError` where none has, or one by several networks.
    """
    for name in names:
        found = [column for column in map(str, frame) if name in (base_of(column), column)]
        known = [c for c in found if frame.loc[frame["step"] != 0, c].notna().any()]
        if len(known) == 1:
            return known[0]
        if known:
            raise DataError(
                f"{where}: expected one {name}; got several, by network: "
                f"{', '.join(known)}; name one with {flag}"
            )
    wanted = repr(names[0]) if len(names) == 1 else "none of them"
    raise DataError(
        f"{where}: expected a metric of the results, such as {', '.join(AXES)}; "
        f"got {wanted}; name another with {flag}"
    )


def default_levels(axis: str, curves: Mapping[str, Curves]) -> Sequence[float]:
    """Fixed ones of `success`; otherwise shares of the range that the methods share. `DataError`
    where no method has a range.
    """
    if base_of(axis) == "success":
        return SUCCESS_LEVELS
    spans = {label: span(curve, axis) for label, curve in curves.items() if curve.moving}
    (low, high), _ = common_range(spans)
    if not high > low:
        highest = max((top for _, top in spans.values() if math.isfinite(top)), default=0.0)
        raise DataError(
            f"{WHERE}: expected {axis} to grow along the curves; got methods that "
            f"never exceed {highest:.3g}; name a level with --at, or another metric with --axis"
        )
    return [low + share * (high - low) for share in SHARES]


def common_range(spans: Mapping[str, Span]) -> tuple[Span, tuple[str, ...]]:
    """The range of strength that all curves cover, and the curves left out: where the spans have
    nothing in common, the one is left out first without which the others have the most. (nan, nan)
    where no span has a width.
    """
    kept = {label: ends for label, ends in spans.items() if not any(map(math.isnan, ends))}
    left_out = [label for label in spans if label not in kept]
    while kept:
        low, high = _shared(kept)
        if high > low:
            return (low, high), tuple(left_out)
        widths = {label: _width({k: v for k, v in kept.items() if k != label}) for label in kept}
        left_out.append(max(widths, key=widths.__getitem__))
        del kept[left_out[-1]]
    return (math.nan, math.nan), tuple(left_out)


def _shared(spans: Mapping[str, Span]) -> Span:
    lows, highs = zip(*spans.values(), strict=True)
    return max(lows), min(highs)


def _width(spans: Mapping[str, Span]) -> float:
    if not spans:
        return -math.inf
    low, high = _shared(spans)
    return high - low


def check_level(level: Level, curves: Mapping[str, Curves], knobs: Mapping[str, str]) -> list[str]:
    """The curves along settings that start above the level: they are not read at it. `ConfigError`
    for a level that is not finite, `DataError` for one that a method has already reached at step 0.
    """
    if not math.isfinite(level.value):
        raise ConfigError(
            f"--at: expected a finite number; got {level.value}; choose a level of the metric"
        )
    above = []
    for label, curve in curves.items():
        start = starts(curve, level.axis) if curve.moving else -math.inf
        if knobs.get(label) == STEPS and start >= level.value:
            raise DataError(
                f"{WHERE}: expected a level of {level.axis} above the start of "
                f"{label}, which starts at {start:.3g}; got {level.value:.3g}; "
                "raise --at, or name a metric that grows along the edit with --axis"
            )
        above += [label] if start > level.value else []
    return above
