"""What a search varies: the keys that have an interval, a range or a choice in the words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from ids.config.compose import swept_overrides
from ids.config.sources import Sources
from ids.config.sweep import sweep_values
from ids.core.errors import ConfigError

SEARCHED = ("method", "fpr", "guidance", "finish", "inversion", "sites", "backbone")  # groups
DIGITS = 4  # significant ones of a value from an interval
Value = int | float | str


@dataclass(frozen=True)
class Interval:
    """`interval(2,10)`; `tag(log,interval(0.01,1))` is searched by its logarithm, `int(...)` in
    whole numbers.
    """

    key: str
    low: int | float
    high: int | float
    log: bool = False
    whole: bool = False

    def word(self, value: Value) -> str:
        """`key=value`, rounded to four significant digits."""
        if self.whole:
            return f"{self.key}={int(value)}"
        rounded = float(f"{float(value):.{DIGITS}g}")
        return f"{self.key}={float(min(max(rounded, self.low), self.high))!r}"

    @property
    def ends(self) -> Sequence[Value]:
        """Its lowest and its highest value."""
        return self.low, self.high


@dataclass(frozen=True)
class Range:
    """`range(1,5)`: ordered values, each sampled by its place from 0. `texts` are in ascending
    order.
    """

    key: str
    texts: tuple[str, ...]

    def word(self, value: Value) -> str:
        """`key=value`, with the value at that place."""
        return f"{self.key}={self.texts[int(value)]}"

    @property
    def ends(self) -> Sequence[Value]:
        """The first and the last place."""
        return 0, len(self.texts) - 1


@dataclass(frozen=True)
class Choice:
    """`choice(1,3)`, or `1,3`: values without an order."""

    key: str
    texts: tuple[str, ...]

    def word(self, value: Value) -> str:
        """`key=value`."""
        return f"{self.key}={value}"

    @property
    def ends(self) -> Sequence[Value]:
        """Every value."""
        return self.texts


Axis = Interval | Range | Choice


@dataclass(frozen=True)
class Space:
    """The words that every candidate shares, and the axes along which candidates differ. `notes`
    name former words that were replaced.
    """

    fixed: Sequence[str]
    axes: Sequence[Axis]
    notes: Sequence[str] = ()

    def words(self, values: Mapping[str, Value]) -> list[str]:
        """The words of the candidate with these values, by key."""
        return [*self.fixed, *self.searched(values)]

    def searched(self, values: Mapping[str, Value]) -> list[str]:
        """The words of the axes alone."""
        return [axis.word(values[axis.key]) for axis in self.axes]

    def corners(self) -> list[dict[str, Value]]:
        """Candidates that show every end of every axis, the first at the first end of all."""
        first = {axis.key: axis.ends[0] for axis in self.axes}
        others = [{**first, axis.key: end} for axis in self.axes for end in axis.ends[1:]]
        return [first, *others]


def parse_space(words: Sequence[str], sources: Sources) -> Space:
    """The space of the words, and of the sweep that a preset brings along. `ConfigError` where
    nothing is to be searched, or a key decides more than the edits.
    """
    overrides, notes = swept_overrides(words, sources)
    swept = {key: one for key, one in overrides.items() if one.is_sweep_override()}
    fixed = [str(one.input_line) for key, one in overrides.items() if key not in swept]
    for key in swept:
        if key.split(".")[0] not in SEARCHED:
            raise ConfigError(
                f"{key}: expected a search over keys of {', '.join(SEARCHED)}, which leave cases "
                "and metrics the same; choose one value"
            )
    if not swept:
        raise ConfigError(
            "ids search: expected a key with interval(a,b), range(a,b) or choice(a,b); got none; "
            "write method.guidance_scale=interval(2,10)"
        )
    return Space(fixed, [_axis(key, one, sources) for key, one in swept.items()], notes)


def _tidied(text: str) -> str:
    """A number without the error of its additions: 0.3 for 0.30000000000000004."""
    return text if text.lstrip("-").isdigit() else repr(float(f"{float(text):.12g}"))


def _axis(key: str, override: Override, sources: Sources) -> Axis:
    swept = override._value
    if not isinstance(swept, IntervalSweep):
        texts = sweep_values(key, override, sources)
        if not isinstance(swept, RangeSweep):
            return Choice(key, tuple(dict.fromkeys(texts)))
        return Range(key, tuple(map(_tidied, sorted(texts, key=float))))
    low, high, tags = swept.start, swept.end, swept.tags
    written = override.get_value_string()
    if low is None or high is None or not -math.inf < low < high < math.inf:
        raise ConfigError(
            f"{key}: expected an interval of two finite numbers, the smaller one first; got "
            f"{written}; write {key}=interval(1,10)"
        )
    if tags - {"log"}:
        raise ConfigError(f"{key}: expected no tag but log; got {written}; leave it out")
    if tags and low <= 0:
        raise ConfigError(f"{key}: expected a log interval above 0; got {written}; change it")
    return Interval(key, low, high, bool(tags), isinstance(low, int) and isinstance(high, int))
