"""The combinations of a sweep."""

from collections.abc import Iterator, Sequence
from itertools import islice, product
from math import prod

from hydra.core.override_parser.types import Override, RangeSweep

from ids.config.explain import readable_errors
from ids.config.sources import Sources
from ids.core.errors import ConfigError

MAX_SETTINGS = 2000  # of one sweep


def combinations(overrides: Sequence[Override], sources: Sources) -> Iterator[tuple[str, ...]]:
    """Every combination of the swept values; a later word replaces a sweep of the same key.
    `ConfigError` for more than `MAX_SETTINGS`.
    """
    axes: dict[str, list[str]] = {}
    for key, override in {one.get_key_element(): one for one in overrides}.items():
        if override.is_sweep_override():
            axes[key] = [f"{key}={value}" for value in sweep_values(key, override, sources)]
        else:
            axes[key] = [str(override.input_line)]
    if prod(map(len, axes.values())) > MAX_SETTINGS:
        raise ConfigError(
            f"sweep: expected at most {MAX_SETTINGS} settings; got more; split it into several"
        )
    return product(*axes.values())


def sweep_values(key: str, override: Override, sources: Sources) -> list[str]:
    """The values of a sweep, as words; `ConfigError` for an interval, or too many values."""
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"{key}: expected a list of values; got {override.get_value_string()}; write "
            f"{key}=1,2,3 or {key}=range(1,4); `ids search` takes intervals"
        )
    swept = override._value
    if isinstance(swept, RangeSweep) and not _length(swept) <= MAX_SETTINGS:
        raise ConfigError(
            f"{key}: expected a range of at most {MAX_SETTINGS} values; got "
            f"{override.get_value_string()}; make it shorter"
        )
    with readable_errors([str(override.input_line)], sources):
        values = list(islice(override.sweep_string_iterator(), MAX_SETTINGS + 1))
    if not values:
        raise ConfigError(f"{key}: expected one value or more; got none; see `ids run --help`")
    return values


def _length(swept: RangeSweep) -> float:
    """Number of values; nan if the range has no end."""
    if swept.start is None or swept.stop is None or not swept.step:
        return float("nan")
    return (float(swept.stop) - float(swept.start)) / float(swept.step)
