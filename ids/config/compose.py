"""Words of the command line to plain configurations, one per setting: each composed once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from omegaconf import MISSING, OmegaConf

from ids.config.check import check
from ids.config.explain import readable_errors, unknown_key
from ids.config.former_words import todays_words
from ids.config.naming import Names, method_name, option_names
from ids.config.options import Choice, Compositions, Options, compose_options
from ids.config.precision import with_precision
from ids.config.schema import RunConfig
from ids.config.setting import Composed, Refused
from ids.config.sources import Sources, find_sources
from ids.config.sweep import combinations
from ids.config.words import LAUNCHERS, check_launcher, parse_word, parse_words
from ids.core.errors import ConfigError

SWEEPING = ("experiments", "size", "debug")  # groups whose options may bring a sweep along

ConfigStore.instance().store(name="schema", node=RunConfig)


@dataclass(frozen=True)
class Composition:
    """Every setting of the words, in order. `sweep`: is it meant as one of several? `notes`: former
    words that were replaced.
    """

    settings: Sequence[Composed | Refused]
    sweep: bool
    notes: Sequence[str] = ()


def compose_sweep(
    words: Sequence[str],
    data: Mapping[str, Any] | None = None,
    sources: Sources | None = None,
    composed: Compositions | None = None,
) -> Composition:
    """Every combination of a sweep, composed and checked. `data` are literal values of the data
    set. `composed` keeps the options of these sources for the next call.
    """
    words, notes = todays_words(words)
    sources = sources or find_sources()
    with _hydra(sources) as loader:
        composer = _Composer(loader, sources, {} if composed is None else composed)
        overrides, multirun = _all_overrides(words, composer)
        settings = [composer(words, data or {}) for words in combinations(overrides, sources)]
    return Composition(settings, multirun or len(settings) > 1, notes)


def swept_overrides(
    words: Sequence[str], sources: Sources
) -> tuple[dict[str, Override], Sequence[str]]:
    """The overrides of the words and of the sweeps of their options, by key, and notes."""
    words, notes = todays_words(words)
    with _hydra(sources) as loader:
        overrides, _ = _all_overrides(words, _Composer(loader, sources))
    return {override.get_key_element(): override for override in overrides}, notes


def compose_all(
    words: Sequence[str], sources: Sources | None = None, composed: Compositions | None = None
) -> list[Composed]:
    """The settings of a sweep. Raises the `ConfigError` of the first wrong one."""
    settings = []
    for setting in compose_sweep(words, sources=sources, composed=composed).settings:
        if isinstance(setting, Refused):
            raise setting.error
        settings.append(setting)
    return settings


def known_keys(words: Sequence[str], sources: Sources) -> list[str]:
    """Every key of the options that the words choose, as `method.n_steps`."""
    with _hydra(sources) as loader:
        typed = parse_words(words, loader, sources)
        chosen = [override for override in typed if _chooses(override, sources)]
        fixed = [str(o.input_line) for o in chosen if not o.is_sweep_override()]
        with readable_errors(fixed, sources):
            values = compose_options(tuple(fixed), sources).variants.config
    return list(_leaves(OmegaConf.to_container(values, resolve=False), ""))


def _missing(node: object, key: str) -> Iterator[str]:
    """Keys without a value."""
    if isinstance(node, dict | list):
        for name, value in node.items() if isinstance(node, dict) else enumerate(node):
            inner = f"{key}[{name}]" if isinstance(node, list) else f"{key}.{name}".lstrip(".")
            yield from _missing(value, inner)
    elif node == MISSING:
        yield key


def _leaves(node: object, prefix: str) -> Iterator[str]:
    if not isinstance(node, dict):
        yield prefix
        return
    for key, value in node.items():
        if not str(key).startswith("_") and key != "name":
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))


@dataclass(frozen=True)
class _Composer:
    """Composes each combination of options once, and sets single values on a copy."""

    loader: ConfigLoader
    sources: Sources
    composed: Compositions = field(default_factory=dict)
    parsed: dict[str, Override] = field(default_factory=dict)  # by word

    def __call__(self, words: Sequence[str], data: Mapping[str, Any]) -> Composed | Refused:
        try:
            setting = self._setting(words, data)
            check(setting.values, self.sources.classes)
        except ConfigError as error:
            return Refused(words, error)
        return setting

    def _parse(self, word: str) -> Override:
        if word not in self.parsed:
            self.parsed[word] = parse_word(word, self.loader)
        return self.parsed[word]

    def options(self, choice: Choice) -> Options:
        """The composition of these choices, made once."""
        if choice not in self.composed:
            self.composed[choice] = compose_options(choice, self.sources)
        return self.composed[choice]

    def _setting(self, words: Sequence[str], data: Mapping[str, Any]) -> Composed:
        overrides = [self._parse(word) for word in words]
        chosen = [override for override in overrides if _chooses(override, self.sources)]
        values = [o for o in overrides if o not in chosen and not o.is_hydra_override()]
        with readable_errors(words, self.sources):
            options = self.options(tuple(str(o.input_line) for o in chosen))
            for group in LAUNCHERS:  # a yaml may choose them, too
                check_launcher(group, options.choices.get(group, "basic"))
            plain = _plain(options.variants.plain(values), words, data, self.sources)
            name = self._name(options, plain := with_precision(plain))
        return Composed(words, plain, options.choices, name, self.sources)

    def _name(self, options: Options, values: Mapping[str, Any]) -> str:
        """The name of the method in tables."""

        def default_names() -> Names:
            alone = self.options((f"method={options.choices['method']}",))
            return option_names(alone.variants.config, alone.choices, self.sources)

        names = option_names(values, options.choices, self.sources)
        return method_name(values["method"], names, default_names)


def _all_overrides(words: Sequence[str], composer: _Composer) -> tuple[Sequence[Override], bool]:
    """The sweeps of the chosen options, then what was typed, and whether an option is a sweep."""
    typed = parse_words(words, composer.loader, composer.sources)
    if not (sweeping := _sweeping_words(typed, composer.sources)):  # the root brings no sweep
        return typed, False
    with readable_errors(words, composer.sources):
        base = composer.options(sweeping)
    swept = [parse_word(f"{key}={value}", composer.loader) for key, value in base.params.items()]
    return [*swept, *typed], base.multirun


def _chooses(override: Override, sources: Sources) -> bool:
    """Does it choose an option of a group? Others set a value."""
    key = str(override.key_or_group)
    return "/" in key or override.package is not None or bool(sources.options(key))


def _sweeping_words(typed: Sequence[Override], sources: Sources) -> tuple[str, ...]:
    """The words that decide whether, and over what, the chosen options sweep. Where no option is
    swept, they are those of every setting, which is composed once.
    """
    fixed = [override for override in typed if not override.is_sweep_override()]
    choices = [override for override in fixed if _chooses(override, sources)]
    if any(o.is_sweep_override() and _chooses(o, sources) for o in typed):
        choices = [o for o in choices if o.key_or_group in SWEEPING]
    hydra = [override for override in fixed if override.is_hydra_override()]
    return tuple(str(override.input_line) for override in [*choices, *hydra])


def _plain(
    values: dict[str, Any], words: Sequence[str], data: Mapping[str, Any], sources: Sources
) -> dict[str, Any]:
    """A complete configuration, with the data."""
    if unknown := sorted(set(values) - {field.name for field in fields(RunConfig)}):
        raise ConfigError(unknown_key(unknown[0], words, sources))
    _check_complete(values, {*_missing(values, "")} - {f"dataset.{k}" for k in data}, sources)
    return values | {"dataset": values["dataset"] | data}


def _check_complete(values: Mapping[str, Any], missing: set[str], sources: Sources) -> None:
    """Every key has a value, and every group an option."""
    for key in sorted({known.name for known in fields(RunConfig)} - set(values) | missing):
        raise ConfigError(f"{key}: expected a value; got none; add {key}=... to the command")
    for field_ in fields(RunConfig):
        available = sources.options(field_.name)
        if available and field_.default is not None:
            value = values[field_.name]
            if not isinstance(value, dict):
                raise ConfigError(
                    f"{field_.name}: expected an option; got {str(value)[:60]!r}; available: "
                    f"{', '.join(available)}"
                )


@contextmanager
def _hydra(sources: Sources) -> Iterator[ConfigLoader]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(sources.root), version_base="1.3"):
        yield GlobalHydra.instance().config_loader()
