"""Hydra's errors in one line that a person can act on."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra import compose
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from ids.config.check import RESERVED, nearest
from ids.config.paths import options, search_path
from ids.core.errors import ConfigError


@contextmanager
def readable_errors(words: Sequence[str]) -> Iterator[None]:
    """What Hydra raises about these words, as `ConfigError`."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_explain(str(error), error, words)) from error
    except (ValueError, TypeError, AttributeError, RecursionError, AssertionError) as error:
        # Hydra's own slips over values it does not expect where they stand
        raise ConfigError(f"{first_line(error)}; in {' '.join(words)[:200]}") from error


def unknown_key(key: str, words: Sequence[str]) -> str:
    """Which keys there are beside it is read off the options that were chosen."""
    groups = [word for word in words if options(word.partition("=")[0])]
    try:
        node: Any = compose("config", [*groups, search_path()])
    except (HydraException, OmegaConfBaseException):
        return f"{key}: no such option"
    for part in key.split("."):
        if not isinstance(node, DictConfig):
            break
        if part not in node:
            there = [str(k) for k in node if k not in RESERVED]
            return f"{key}: no such option; {nearest(part, there)}"
        node = node[part]
    return f"{key}: no such option; there is none below its parent"


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _explain(message: str, error: Exception, words: Sequence[str]) -> str:
    if match := re.search(r"Could not override '([^']+)'", message):
        return unknown_key(match[1], words)
    if match := re.search(
        r"(?:Could not find|In '.+': Could not find) '([\w/]+)/([^/']+)'", message
    ):
        group = match[1].removeprefix("conf/")
        return f"{group}={match[2]}: no such choice; {nearest(match[2], options(group))}"
    if match := re.search(
        r"Could not override '?([\w@]+)'?\.?\s*No match in the defaults list", message
    ):
        return unknown_key(match[1], words)
    if isinstance(error.__cause__, OmegaConfBaseException):
        error = error.__cause__
    key = getattr(error, "full_key", "")
    return f"{key}: {first_line(error)}" if key else first_line(error)
