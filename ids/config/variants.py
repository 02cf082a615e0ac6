"""Variants of a composed configuration, as plain data: settings of a sweep differ in few values."""

import re
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf, open_dict

REFERENCE = re.compile(r"\$\{(\w*)")  # the first key of an interpolation; empty for a relative one
RESOLVER = re.compile(r"\$\{[^${}]*:")
Plain = dict[str, Any]
SPECIAL = re.compile(r"\$|\?\?\?")  # in texts that OmegaConf does not take as they are


@dataclass(frozen=True)
class Variants:
    """A composed configuration, and its variants with single values set. What no value affects is
    resolved once and shared by all variants, read-only.
    """

    config: DictConfig
    _divided: dict[frozenset[str], tuple[DictConfig, Plain]] = field(
        default_factory=dict, repr=False
    )

    def plain(self, values: Sequence[Override]) -> Plain:
        """The configuration with these values, all interpolations resolved. Raises what Hydra and
        OmegaConf raise for a wrong one.
        """
        if all(map(self._is_leaf, values)):
            plain = self._base
            for value in values:
                plain = _with_leaf(plain, str(value.key_or_group).split("."), value.value())
            return plain
        changed = frozenset(str(value.key_or_group).split(".")[0] for value in values)
        if changed not in self._divided:
            self._divided[changed] = self._divide(changed)
        template, same = self._divided[changed]
        config = deepcopy(template)
        # What Hydra itself does with values, after it has composed the options.
        ConfigLoaderImpl._apply_overrides_to_config(list(values), config)
        found = {**same, **_resolved(config)}
        order = dict.fromkeys([*self._references, *found])
        return {key: found[key] for key in order if key in found}

    def _is_leaf(self, value: Override) -> bool:
        """Does it replace one number, flag or text by another, to which no other key refers?"""
        first, *rest = str(value.key_or_group).split(".")
        node = self._raw.get(first)
        for key in rest:
            node = node.get(key) if isinstance(node, dict) else None
        free = value.type is OverrideType.CHANGE and value.package is None and bool(rest)
        free = free and not any(first in used for used in self._references.values())
        return free and _is_simple(node) and _is_simple(value.value())

    def _divide(self, changed: frozenset[str]) -> tuple[DictConfig, Plain]:
        """The part of the configuration that the changed keys affect, with all that it refers to;
        and the values of the other part.
        """
        affected = set(changed)
        while more := {k for k, used in self._references.items() if used & affected} - affected:
            affected |= more
        needed = set(affected)
        while more := {u for k in needed for u in self._references.get(k, ())} - needed:
            needed |= more
        same = _resolved(self._without(affected))
        return self._without(set(self._references) - needed), same

    def _without(self, keys: Collection[str]) -> DictConfig:
        config = deepcopy(self.config)
        with open_dict(config):
            for key in keys & config.keys():
                del config[key]
        return config

    @cached_property
    def _base(self) -> Plain:
        return _resolved(self.config)

    @cached_property
    def _raw(self) -> Plain:
        """With interpolations as they are written."""
        raw = OmegaConf.to_container(self.config, resolve=False)
        assert isinstance(raw, dict)
        return {str(key): node for key, node in raw.items()}

    @cached_property
    def has_resolvers(self) -> bool:
        """Has it interpolations beyond those of its own keys, as of environment variables?"""
        return bool(RESOLVER.search(str(self._raw)))

    @cached_property
    def _references(self) -> Mapping[str, set[str]]:
        """The keys that the interpolations below each key begin with. One that begins otherwise may
        refer to anything: then all keys count.
        """
        found = {key: set(REFERENCE.findall(str(node))) for key, node in self._raw.items()}
        return {k: used if used <= set(found) else set(found) for k, used in found.items()}


def _resolved(config: DictConfig) -> Plain:
    content = OmegaConf.to_container(config, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def _is_simple(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and not SPECIAL.search(value))


def _with_leaf(node: Plain, path: Sequence[str], value: object) -> Plain:
    """A copy along the path; everything beside it is shared."""
    key, *rest = path
    return {**node, key: _with_leaf(node[key], rest, value) if rest else value}
