"""Words on the command line to plain configurations, one per setting: each composed once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, fields
from itertools import islice, product
from math import prod
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override, RangeSweep
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from ids.config.check import check
from ids.config.explain import readable_errors, unknown_key
from ids.config.paths import config_home, options, search_path
from ids.config.schema import RunConfig
from ids.config.words import LAUNCHERS, check_launcher, parsed, parsed_word
from ids.core.errors import ConfigError, IdsError

MAX_SETTINGS = 2000  # of one sweep
SWEEPING = ("experiments", "debug")  # groups whose options may bring a sweep along

ConfigStore.instance().store(name="schema", node=RunConfig)


@dataclass(frozen=True)
class Composed:
    """One setting: the words that ask for it, its values as plain data, and the option chosen in
    each group.
    """

    words: Sequence[str]
    values: dict[str, Any]
    choices: Mapping[str, str]


@dataclass(frozen=True)
class Refused:
    """A setting that cannot be, and why."""

    words: Sequence[str]
    error: IdsError


@dataclass(frozen=True)
class Composition:
    """Every setting that was asked for, in order. `sweep`: is it one of several by intent?"""

    settings: Sequence[Composed | Refused]
    sweep: bool


def compose_sweep(words: Sequence[str], data: Mapping[str, Any] | None = None) -> Composition:
    """Every combination of a sweep, composed and checked. `data` are values of the data set that
    are no configuration language: they are taken as they are.
    """
    with _hydra() as loader:
        typed = parsed(words, loader)
        composer = _Composer(loader, {})
        with readable_errors(words):
            base = composer.options(_base(typed))
        swept = [parsed_word(f"{key}={value}", loader) for key, value in base.params.items()]
        combinations = _expand([*swept, *typed])
        settings = [composer(combination, data or {}) for combination in combinations]
    return Composition(settings, base.multirun or len(settings) > 1)


def compose_all(words: Sequence[str]) -> list[Composed]:
    """The settings of a sweep, where all of them can be; else the first `ConfigError`."""
    composed = []
    for setting in compose_sweep(words).settings:
        if isinstance(setting, Refused):
            raise setting.error
        composed.append(setting)
    return composed


@dataclass(frozen=True)
class _Options:
    """What the options of the groups say together, before single values are set."""

    values: DictConfig
    choices: Mapping[str, str]
    params: Mapping[str, str]  # what they sweep over
    multirun: bool


@dataclass(frozen=True)
class _Composer:
    """Composes the options of the groups once, and sets single values on a copy."""

    loader: ConfigLoader
    composed: dict[tuple[str, ...], _Options]

    def __call__(self, words: Sequence[str], data: Mapping[str, Any]) -> Composed | Refused:
        try:
            setting = self._setting(words, data)
            check(setting.values)
        except ConfigError as error:
            return Refused(words, error)
        return setting

    def options(self, words: tuple[str, ...]) -> _Options:
        if words not in self.composed:
            self.composed[words] = _options(words)
        return self.composed[words]

    def _setting(self, words: Sequence[str], data: Mapping[str, Any]) -> Composed:
        overrides = [parsed_word(word, self.loader) for word in words]
        values = [o for o in overrides if not _chooses(o) and not o.is_hydra_override()]
        with readable_errors(words):
            options = self.options(tuple(str(o.input_line) for o in overrides if _chooses(o)))
            for group in LAUNCHERS:  # a yaml may choose them, too
                check_launcher(group, options.choices.get(group, "basic"))
            config = deepcopy(options.values)
            # What Hydra itself does with values, after it has composed the options.
            ConfigLoaderImpl._apply_overrides_to_config(values, config)
            return Composed(words, _plain(config, words, data), options.choices)


def _options(words: Sequence[str]) -> _Options:
    config = compose("config", [*words, search_path()], return_hydra_config=True)
    hydra = config.hydra
    with open_dict(config):
        del config["hydra"]
    return _Options(
        config,
        {str(group): str(name) for group, name in hydra.runtime.choices.items()},
        {str(key): str(value) for key, value in (hydra.sweeper.get("params") or {}).items()},
        hydra.mode == RunMode.MULTIRUN,
    )


def _chooses(override: Override) -> bool:
    """Does it choose an option of a group, as against set a value?"""
    key = str(override.key_or_group)
    return "/" in key or override.package is not None or bool(options(key))


def _base(typed: Sequence[Override]) -> tuple[str, ...]:
    """The words that tell whether, and over what, the chosen options sweep. Where nothing sweeps,
    they are the setting's own.
    """
    fixed = [override for override in typed if not override.is_sweep_override()]
    choices = [override for override in fixed if _chooses(override)]
    if len(fixed) < len(typed) or any(o.key_or_group in SWEEPING for o in fixed):
        choices = [o for o in choices if o.key_or_group in SWEEPING]
    hydra = [override for override in fixed if override.is_hydra_override()]
    return tuple(str(override.input_line) for override in [*choices, *hydra])


def _plain(config: DictConfig, words: Sequence[str], data: Mapping[str, Any]) -> dict[str, Any]:
    missing = OmegaConf.missing_keys(config)
    content = OmegaConf.to_container(config, resolve=True)
    assert isinstance(content, dict)
    values = {str(key): value for key, value in content.items()}
    if unknown := sorted(set(values) - {field.name for field in fields(RunConfig)}):
        raise ConfigError(unknown_key(unknown[0], words))
    _check_there(values, missing - {f"dataset.{key}" for key in data})
    return values | {"dataset": values["dataset"] | data}


def _check_there(values: Mapping[str, Any], missing: set[str]) -> None:
    """Nothing is without a value, and every group has its option."""
    gone = {field.name for field in fields(RunConfig)} - set(values)
    for key in sorted(gone | missing):
        raise ConfigError(f"{key}: expected a value; got none; add {key}=... to the command")
    for field in fields(RunConfig):
        if options(field.name) and field.default is not None:
            value = values[field.name]
            if not isinstance(value, dict):
                raise ConfigError(
                    f"{field.name}: expected an option; got {str(value)[:60]!r}; there is "
                    f"{', '.join(options(field.name))}"
                )


@contextmanager
def _hydra() -> Iterator[ConfigLoader]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_home() / "conf"), version_base="1.3"):
        yield GlobalHydra.instance().config_loader()


def _expand(overrides: Sequence[Override]) -> Iterator[tuple[str, ...]]:
    """Every combination of the swept values; a later word replaces a sweep of the same key."""
    axes: dict[str, list[str]] = {}
    for override in overrides:
        key = override.get_key_element()
        if override.is_sweep_override():
            axes[key] = [f"{key}={value}" for value in _values(key, override)]
        else:
            axes[key] = [str(override.input_line)]
    if prod(map(len, axes.values())) > MAX_SETTINGS:
        raise ConfigError(
            f"sweep: expected at most {MAX_SETTINGS} settings; got more; split it into several"
        )
    return product(*axes.values())


def _values(key: str, override: Override) -> list[str]:
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"{key}: expected a list of values; got {override.get_value_string()}; write "
            f"{key}=1,2,3 or {key}=range(1,4)"
        )
    swept = override._value
    if isinstance(swept, RangeSweep) and not _length(swept) <= MAX_SETTINGS:
        raise ConfigError(
            f"{key}: expected a range of at most {MAX_SETTINGS} values; got "
            f"{override.get_value_string()}; make it shorter"
        )
    with readable_errors([str(override.input_line)]):
        values = list(islice(override.sweep_string_iterator(), MAX_SETTINGS + 1))
    if not values:
        raise ConfigError(f"{key}: expected one value or more; got none; see `ids run --help`")
    return values


def _length(swept: RangeSweep) -> float:
    """Not a number where it has none."""
    if swept.start is None or swept.stop is None or not swept.step:
        return float("nan")
    return (float(swept.stop) - float(swept.start)) / float(swept.step)
