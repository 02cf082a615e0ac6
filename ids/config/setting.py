"""One setting as plain data: what a worker needs to build it, without Hydra."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ids.config.sources import Sources
from ids.core.errors import IdsError


@dataclass(frozen=True)
class Composed:
    """One setting: its words, its values as plain data, the option chosen in each group, and the
    name of its method in tables.
    """

    words: Sequence[str]
    values: dict[str, Any]
    choices: Mapping[str, str]
    name: str
    sources: Sources


@dataclass(frozen=True)
class Refused:
    """A setting that cannot be run, and why."""

    words: Sequence[str]
    error: IdsError
