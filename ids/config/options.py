"""The values of the chosen options as Hydra composes them: of unchanged yamls once in a process."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from hydra import compose
from hydra._internal import defaults_list as hydra_defaults
from hydra._internal.defaults_list import Overrides
from hydra.core.default_element import InputDefault
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

from ids.config.sources import Sources, Stamp
from ids.config.variants import Variants


@dataclass(frozen=True)
class Options:
    """The values of the chosen options, before single values are set."""

    variants: Variants
    choices: Mapping[str, str]
    params: Mapping[str, str]  # what they sweep over
    multirun: bool


Choice = tuple[str, ...]  # the words that choose options
Compositions = dict[Choice, Options]


def compose_options(choice: Choice, sources: Sources) -> Options:
    """Read-only: later calls may get the same. Hydra must have been initialized with the root."""
    if sources.stamp is not None:
        found = _remembered(choice, sources.search_path, sources.stamp)
        if not found.variants.has_resolvers:  # which may read the environment
            return found
    return _composed(choice, sources.search_path)


@lru_cache(maxsize=32)
def _remembered(choice: Choice, search_path: str, stamp: Stamp) -> Options:
    return _composed(choice, search_path)


def _composed(choice: Choice, search_path: str) -> Options:
    with _known_choices_on_demand():
        config = compose("config", [*choice, search_path], return_hydra_config=True)
    hydra = config.hydra
    with open_dict(config):
        del config["hydra"]
    return Options(
        Variants(config),
        {str(group): str(name) for group, name in hydra.runtime.choices.items()},
        {str(key): str(value) for key, value in (hydra.sweeper.get("params") or {}).items()},
        hydra.mode == RunMode.MULTIRUN,
    )


@contextmanager
def _known_choices_on_demand() -> Iterator[None]:
    """For every yaml Hydra collects the choices so far, a third of its time. Only defaults with an
    interpolation (`- group: ${other}`) read them.
    """
    collect = hydra_defaults._create_interpolation_map

    def on_demand(
        overrides: Overrides, defaults_list: list[InputDefault], self_added: bool
    ) -> DictConfig:
        if any(not d.is_self() and d.is_interpolation() for d in defaults_list):
            return collect(overrides, defaults_list, self_added)
        return DictConfig({})

    hydra_defaults._create_interpolation_map = on_demand
    try:
        yield
    finally:
        hydra_defaults._create_interpolation_map = collect
