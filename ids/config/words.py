"""Overrides as they are typed, checked before anything is composed."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, QuotedString
from hydra.errors import HydraException

from ids.config.sources import OPTION, OPTION_PATH, Sources
from ids.core.errors import ConfigError

MAX_LENGTH = 20_000  # characters of one override
MAX_DEPTH = 20  # brackets within brackets
INTERPOLATION = re.compile(r"(?<!\\)(\\\\)*\$\{")
SWEEPS = ("hydra.mode", "hydra.sweeper.params")  # the settings of Hydra that are accepted
OPTIONAL = ("clip", "size", "experiments", "debug")  # groups that may be null
LAUNCHERS = ("hydra/launcher", "hydra/sweeper")
LAUNCH = (("slurm", "slurm"), ("ray", "ray"))  # in the name of Hydra's launcher -> ours
ADD_METRIC = re.compile(r"\+*metric=(.*)", re.DOTALL)


def parse_words(words: Sequence[str], loader: ConfigLoader, sources: Sources) -> list[Override]:
    """Overrides of the command line. `ConfigError` for the first that is wrong."""
    for word in words:
        _check_text(word)
    overrides = [parse_word(_add_metric(word, sources), loader) for word in words]
    for override in overrides:
        _check_key(override)
        _check_options(override, sources)
    _check_twice(overrides)
    return overrides


def parse_word(word: str, loader: ConfigLoader) -> Override:
    """One override, typed or from the sweep of an experiment."""
    try:
        (override,) = OverridesParser.create(config_loader=loader).parse_overrides([word])
    except (HydraException, ValueError, RecursionError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f"{reason[:200]}; in {_short(word)}; see `ids run --help`, or quote the value"
        ) from error
    if not override.key_or_group:
        raise ConfigError(
            f"{_short(word)}: expected group=option or key=value; see `ids run --help`"
        )
    return override


def check_launcher(group: str, option: str | None) -> None:
    """`ConfigError` for a launcher or sweeper other than Hydra's basic ones."""
    if option in ("basic", None):
        return
    if group == "hydra/sweeper":
        raise ConfigError(
            f"{group}={option}: not taken here; write values as key=1,2,3, or key=range(1,4)"
        )
    word = next((word for part, word in LAUNCH if part in str(option)), "devices")
    raise ConfigError(
        f"{group}={option}: not taken here; write launch={word}; see `ids list launch`"
    )


def _add_metric(word: str, sources: Sources) -> str:
    """`+metric=NAME` adds one metric to the set that `metrics` chooses."""
    match = ADD_METRIC.fullmatch(word)
    if match is None:
        return word
    name = match[1]
    if not word.startswith("+"):
        raise ConfigError(
            f"{_short(word)}: expected +metric=NAME, which adds a metric; or metrics=SET, which "
            "chooses all of them"
        )
    if not OPTION.fullmatch(name):
        raise ConfigError(
            f"{_short(word)}: expected one metric; add each by a separate +metric=NAME; "
            f"available: {', '.join(sources.options('metric'))}"
        )
    return f"+metric@metrics.{name}={name}"


def _check_text(word: str) -> None:
    short = _short(word)
    if len(word) > MAX_LENGTH:
        raise ConfigError(
            f"{short}: expected at most {MAX_LENGTH} characters; got {len(word)}; shorten it"
        )
    if _depth(word) > MAX_DEPTH:
        raise ConfigError(f"{short}: expected at most {MAX_DEPTH} brackets within each other")
    if INTERPOLATION.search(word):
        raise ConfigError(
            f"{short}: expected a value; got an interpolation, which only configuration files may "
            "have; write the value itself, or \\${ for these characters"
        )


def _short(word: str) -> str:
    return word if len(word) <= 60 else f"{word[:60]}..."


def _depth(word: str) -> int:
    steps = ((char in "[{(") - (char in ")}]") for char in word)
    return max(accumulate(steps), default=0)


def _check_key(override: Override) -> None:
    key = str(override.key_or_group)
    if key in LAUNCHERS:
        check_launcher(key, str(override.input_line).partition("=")[2])
    elif key.split("/")[0].split(".")[0] == "hydra" and not key.startswith(SWEEPS):
        raise ConfigError(
            f"{key}: not taken here; output_dir=... is where results go, --show prints the "
            "configuration"
        )


def _check_options(override: Override, sources: Sources) -> None:
    group = str(override.key_or_group)
    if "/" in group or not sources.options(group) or override.is_delete():
        return
    for value in _values(override):
        if isinstance(value, list | dict):
            raise ConfigError(
                f"{group}: expected one option; got {override.get_value_string()[:60]}; a sweep is "
                f"written {group}=a,b"
            )
        if value is None and group in OPTIONAL:
            continue
        if value is None or not OPTION_PATH.fullmatch(str(value)):
            got = "null" if value is None else repr(str(value)[:60])
            raise ConfigError(
                f"{group}: expected the name of an option; got {got}; available: "
                f"{', '.join(sources.options(group))}"
            )


def _values(override: Override) -> Iterator[Any]:
    """The options chosen in a group, without those of a glob, which are names anyway."""
    value = override._value
    listed = value.list if isinstance(value, ChoiceSweep) else [value]
    for one in listed:
        if isinstance(one, QuotedString):
            yield one.text
        elif not override.is_sweep_override() or isinstance(value, ChoiceSweep):
            yield one


def _check_twice(overrides: Sequence[Override]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for override in overrides:
        key = (str(override.key_or_group), str(override.package or ""))
        word = str(override.input_line)
        if seen.setdefault(key, word) != word:
            raise ConfigError(f"{key[0]}: given twice, as {seen[key]} and {word}; keep one")
