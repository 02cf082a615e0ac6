"""Identity over edit strength: one curve per method, over the cases (and seeds) that all have.

An area is the mean identity over the range of strength that the methods share; dominance is the
share of that range over which one method is better than another. Every resample of the cases has a
range of its own, as it has curves of its own; all methods are read at the same levels of it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from ids.core.errors import DataError
from ids.results.bootstrap import REACHED, first_reach, mean_curves, read_at, reading
from ids.results.columns import Column
from ids.results.curves import Curves, States, paired
from ids.results.grids import Estimate
from ids.results.levels import Span

LEVELS = 100  # of a range, evenly spaced: the middles of its equal parts
BAND = 40  # of a curve in a figure
ROUNDING = 1e-6  # relative, of numbers that metrics compute in float32

PerResample = Float[ndarray, " resamples"]
Readings = Float[ndarray, "resamples levels"]
Gains = Float[ndarray, "resamples ..."]


@dataclass(frozen=True, eq=False)
class Line:
    """The mean strength and identity of one method at its points, per resample; row 0 is the
    estimate. `knob` is the place of each point. Does it start at the untouched source (`anytime`)?
    """

    knob: Float[ndarray, " points"]
    strength: Float[ndarray, "resamples points"]
    identity: Float[ndarray, "resamples points"]
    anytime: bool

    def ends(self) -> tuple[PerResample, PerResample]:
        """The first defined strength, and the highest."""
        first = int(np.isfinite(self.strength[0]).argmax())
        return self.strength[:, first], np.nanmax(self.strength[:, first:], axis=1)

    def span(self) -> Span:
        """The ends of the estimate."""
        low, high = self.ends()
        return float(low[0]), float(high[0])

    def read(self, level: float | PerResample) -> PerResample:
        """Identity where strength first reaches the level; nan where it does not."""
        return read_at(self.identity, first_reach(self.strength, level))


@dataclass(frozen=True, eq=False)
class Frontier:
    """`lines` by label, in order, over `n` cases. `shared` are those that have the range `low` to
    `high` in common, and `readings` gives their identity at evenly spaced levels of it. Curves
    `apart` have no line: they share no case and seed with the others.
    """

    axis: str
    identity: Column
    n: int
    lines: Mapping[str, Line]
    low: PerResample
    high: PerResample
    shared: tuple[str, ...]
    readings: Callable[[str], Readings]
    apart: tuple[str, ...] = ()

    @property
    def span(self) -> Span:
        """The common range of the estimate."""
        return float(self.low[0]), float(self.high[0])

    @property
    def sign(self) -> int:
        """Of a difference that is an advantage."""
        return 1 if self.identity.better > 0 else -1

    def area(self, ours: str, theirs: str | None = None) -> Estimate:
        """The mean identity over the range, or the difference of two."""
        whole = self.readings(ours).mean(1)
        return reading(whole - self.readings(theirs).mean(1) if theirs else whole, self.n)

    def at(self, level: float, ours: str, theirs: str | None = None) -> Estimate:
        """Identity at matched edit strength, or the difference of two."""
        value = self.lines[ours].read(level)
        return reading(value - self.lines[theirs].read(level) if theirs else value, self.n)

    def dominance(self, ours: str, theirs: str) -> Estimate:
        """The share of the range over which ours has the better identity, by more than rounding."""
        gain = self._gain(self.readings(ours), self.readings(theirs))
        return reading(np.where(np.isfinite(gain).all(1), (gain > 0).mean(1), math.nan), self.n)

    def certain(self, ours: str, theirs: str) -> tuple[list[Span], list[Span]]:
        """The parts of the range where the 95 % interval of the paired difference, at each level
        alone, excludes 0: where ours is better, and where it is worse.
        """
        a, b = (self.lines[label] for label in (ours, theirs))
        cells = [
            reading(self._gain(a.read(level), b.read(level)), self.n)
            for level in levels_of(self.low[:1], self.high[:1])[0]
        ]
        better = np.array([cell.low > 0 for cell in cells])
        worse = np.array([cell.high < 0 for cell in cells])
        return _parts(better, self.span), _parts(worse, self.span)

    def _gain(self, ours: Gains, theirs: Gains) -> Gains:
        """By how much ours is better; 0 where the two differ by rounding alone."""
        gain = self.sign * (ours - theirs)
        limit = ROUNDING * np.maximum(np.abs(ours), np.abs(theirs))
        return np.asarray(np.where(np.isfinite(limit) & (np.abs(gain) <= limit), 0.0, gain))


def frontier_of(states: Mapping[str, States], axis: str, identity: Column) -> Frontier:
    """Of the curves in `states` with two points or more that share a case and seed. `DataError`
    where no two do, or in no common case both metrics are defined.
    """
    every = {label: of for label, of in states.items() if of.moving and len(of.curves().steps) > 1}
    found = _in_common(every)
    curves = [of.curves() for of in paired(*found.values())] if found else []
    cases = _defined(curves, axis, identity.key)
    if not cases.any():
        raise DataError(
            f"frontier: expected cases that all methods have, with {axis} and {identity.key}; got "
            f"none for {', '.join(found) or 'no method'}; choose methods with --method"
        )
    mean, mask = mean_curves(), cases.tobytes()
    lines = {
        label: Line(
            curve.values["knob"][0],
            mean(curve, axis, mask),
            mean(curve, identity.key, mask),
            curve.from_source,
        )
        for label, curve in zip(found, curves, strict=True)
    }
    shared, low, high = _common_range(lines)
    levels = levels_of(low, high)

    @cache
    def readings(label: str) -> Readings:
        return np.stack([lines[label].read(level) for level in levels.T], axis=1)

    n, apart = int(cases.sum()), tuple(label for label in every if label not in found)
    return Frontier(axis, identity, n, lines, low, high, shared, readings, apart)


def _in_common(curves: Mapping[str, States]) -> dict[str, States]:
    """The curves that share a case and seed: while none is shared, the curve of the fewest edits is
    left out. All of them where no two share one.
    """
    kept = dict(curves)
    while len(kept) > 1 and not len(paired(*kept.values())[0].edits):
        del kept[min(reversed(kept), key=lambda label: len(np.unique(kept[label].edits)))]
    return kept if len(kept) > 1 else dict(curves)


def levels_of(low: PerResample, high: PerResample, count: int = LEVELS) -> Readings:
    """Evenly spaced levels of each range."""
    return np.asarray(low[:, None] + (high - low)[:, None] * (np.arange(count) + 0.5) / count)


def band(line: Line, n: int) -> tuple[Float[ndarray, " levels"], Float[ndarray, "levels 2"]]:
    """Levels of strength along a curve, and the 95 % interval of identity at each; without those
    that less than 95 % of the resamples reach.
    """
    low, high = line.ends()
    levels = levels_of(low[:1], high[:1], BAND)[0]
    cells = [reading(line.read(level), n) for level in levels]
    ends = np.array([[cell.low, cell.high] for cell in cells])
    known = np.isfinite(ends).all(1)
    return levels[known], ends[known]


def _defined(curves: list[Curves], *columns: str) -> Bool[ndarray, " cases"]:
    if not curves:
        return np.zeros(1, bool)
    return np.asarray(np.all([curve.defined(*columns) for curve in curves], axis=0))


def _common_range(lines: Mapping[str, Line]) -> tuple[tuple[str, ...], PerResample, PerResample]:
    """The curves that share a range, and its ends per resample; nan where a resample has none.
    While less than 95 % of the resamples have one, the curve with the shortest range is left out.
    """
    kept = dict(lines)
    while True:
        ends = [line.ends() for line in kept.values()]
        low, high = np.max([e[0] for e in ends], axis=0), np.min([e[1] for e in ends], axis=0)
        exists = high > low
        if (exists[0] and exists.mean() >= REACHED) or len(kept) == 1:
            nowhere = np.where(exists, 0.0, math.nan)
            return tuple(kept), low + nowhere, high + nowhere
        widths = {label: np.subtract(*line.span()[::-1]) for label, line in kept.items()}
        del kept[min(widths, key=widths.__getitem__)]


def _parts(chosen: Bool[ndarray, " levels"], span: Span) -> list[Span]:
    """The chosen levels as ranges of strength."""
    width = (span[1] - span[0]) / len(chosen)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
    return [
        (float(span[0] + first * width), float(span[0] + end * width))
        for first, end in edges.reshape(-1, 2)
    ]
