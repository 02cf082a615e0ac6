"""Words on the command line to a plain configuration, with errors a person can act on."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import islice, product
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ids.config.check import RESERVED, check, nearest
from ids.config.paths import config_home, options
from ids.config.schema import RunConfig
from ids.core.errors import ConfigError

MAX_CHECKED = 200  # combinations of a sweep that are composed before it starts

ConfigStore.instance().store(name="schema", node=RunConfig)


def search_path() -> str:
    """The override that lets Hydra find `experiments/` beside `conf/`."""
    return f"hydra.searchpath=[file://{config_home()}]"


def plain(config: DictConfig) -> dict[str, Any]:
    """Resolved, as dicts and lists."""
    try:
        content = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(_first_line(error)) from error
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


@dataclass(frozen=True)
class Composed:
    """One setting: its values as plain data, the option chosen in each group, and Hydra's mode."""

    values: dict[str, Any]
    choices: Mapping[str, str]
    multirun: bool


def compose_all(overrides: Sequence[str]) -> list[Composed]:
    """Every combination of a sweep, composed and checked."""
    with _hydra(), _readable_errors(overrides):
        fixed = _fixed(overrides)
        first = _config(fixed)
        sweep = OmegaConf.to_container(first.hydra.sweeper.get("params") or OmegaConf.create({}))
        assert isinstance(sweep, dict)
        swept = [f"{key!s}={value}" for key, value in sweep.items()]
        combinations = islice(_expand([*swept, *overrides]), MAX_CHECKED)
        settings = [
            _composed(first if combination == fixed else _config(combination), combination)
            for combination in combinations
        ]
    for setting in settings:
        check(setting.values)
    return settings


def running_choices() -> dict[str, str]:
    """The option chosen in each group of the running Hydra job."""
    return {str(group): str(name) for group, name in HydraConfig.get().runtime.choices.items()}


def sweeping() -> bool:
    """Is the running Hydra job one of several?"""
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def _config(overrides: Sequence[str]) -> DictConfig:
    with _readable_errors(overrides):
        return compose("config", [*overrides, search_path()], return_hydra_config=True)


def _composed(config: DictConfig, overrides: Sequence[str]) -> Composed:
    bare = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    assert isinstance(bare, DictConfig)
    choices = {str(group): str(name) for group, name in config.hydra.runtime.choices.items()}
    values = plain(bare)
    if unknown := sorted(set(values) - {field.name for field in fields(RunConfig)}):
        raise ConfigError(_unknown_key(unknown[0], overrides))
    return Composed(values, choices, config.hydra.mode == RunMode.MULTIRUN)


@contextmanager
def _hydra() -> Iterator[None]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_home() / "conf"), version_base="1.3"):
        yield


def _parsed(overrides: Sequence[str]) -> list[Any]:
    loader = GlobalHydra.instance().config_loader()
    return list(OverridesParser.create(config_loader=loader).parse_overrides(list(overrides)))


def _fixed(overrides: Sequence[str]) -> list[str]:
    return [
        override.input_line for override in _parsed(overrides) if not override.is_sweep_override()
    ]


def _expand(overrides: Sequence[str]) -> Iterator[list[str]]:
    """Every combination of the swept values. Ranges of a search (`interval(...)`) have no list, and
    stay at their default.
    """
    axes: dict[str, list[str]] = {}
    for override in _parsed(overrides):
        key = override.get_key_element()
        if not override.is_sweep_override():
            axes[key] = [override.input_line]
        elif override.is_discrete_sweep():
            axes[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
    for combination in product(*axes.values()):
        yield list(combination)


@contextmanager
def _readable_errors(overrides: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_explain(str(error), error, overrides)) from error


def _explain(message: str, error: Exception, overrides: Sequence[str]) -> str:
    if match := re.search(r"Could not override '([^']+)'", message):
        return _unknown_key(match[1], overrides)
    if match := re.search(
        r"(?:Could not find|In '.+': Could not find) '([\w/]+)/([^/']+)'", message
    ):
        group = match[1].removeprefix("conf/")
        return f"{group}={match[2]}: no such choice; {nearest(match[2], options(group))}"
    if match := re.search(
        r"Could not override '?([\w@]+)'?\.?\s*No match in the defaults list", message
    ):
        return _unknown_key(match[1], overrides)
    if isinstance(error.__cause__, OmegaConfBaseException):
        error = error.__cause__
    key = getattr(error, "full_key", "")
    return f"{key}: {_first_line(error)}" if key else _first_line(error)


def _unknown_key(key: str, overrides: Sequence[str]) -> str:
    """Which keys there are beside it is read off the options that were chosen."""
    groups = [word for word in overrides if options(word.partition("=")[0])]
    known = compose("config", [*groups, search_path()])
    node: Any = known
    for part in key.split("."):
        if not isinstance(node, DictConfig):
            break
        if part not in node:
            there = [str(k) for k in node if k not in RESERVED]
            return f"{key}: no such option; {nearest(part, there)}"
        node = node[part]
    return f"{key}: no such option; there is none below its parent"


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]
