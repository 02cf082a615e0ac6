"""Errors of Hydra as one line with a remedy."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from hydra import compose
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from ids.config.check import nearest, no_option
from ids.config.former_words import todays_key
from ids.config.sources import Sources
from ids.core.errors import ConfigError


@contextmanager
def readable_errors(words: Sequence[str], sources: Sources) -> Iterator[None]:
    """Raise what Hydra raises about these words as `ConfigError`."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_explain(str(error), error, words, sources)) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{mark.name} line {mark.line + 1}" if mark else "configuration"
        raise ConfigError(f"{where}: expected YAML; {error.problem}; correct it") from error
    except YAMLError as error:
        raise ConfigError(f"configuration: expected YAML; {first_line(error)}") from error
    except (ValueError, TypeError, AttributeError, RecursionError, AssertionError) as error:
        # failures of Hydra at values it does not expect
        raise ConfigError(f"{first_line(error)}; in {' '.join(words)[:200]}") from error


def unknown_key(key: str, words: Sequence[str], sources: Sources) -> str:
    """The message for an unknown key, with the keys beside it among the chosen options."""
    if todays_key(key):
        return no_option(key, ())
    groups = [word for word in words if sources.options(word.partition("=")[0])]
    try:
        node: Any = compose("config", [*groups, sources.search_path])
    except (HydraException, OmegaConfBaseException):
        return f"{key}: no such option"
    *group, last = key.split(".")
    if group and last in node:  # dataset.limit
        return f"{key}: no such option; did you mean {last}?"
    for part in [*group, last]:
        if not isinstance(node, DictConfig):
            break
        if part not in node:
            known = [str(k) for k in node if not str(k).startswith("_") and k != "name"]
            known += ["experiments", "debug"] if part == key else []  # groups without a node
            return f"{key}: no such option; {nearest(part, known)}"
        node = node[part]
    if isinstance(node, DictConfig):
        return f"{key}: expected names that it has; got a new one; ++{key}=... adds it"
    return f"{key}: no such option; {key.rpartition('.')[0]} is a single value"


def first_line(error: BaseException) -> str:
    """The first line of an error's message; its type if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _explain(message: str, error: Exception, words: Sequence[str], sources: Sources) -> str:
    if match := re.search(r"Could not override '([^']+)'", message):
        return unknown_key(match[1], words, sources)
    if match := re.search(
        r"(?:Could not find|In '.+': Could not find) '([\w/]+)/([^/']+)'", message
    ):
        group = match[1].removeprefix("conf/")
        close = get_close_matches(match[2], sources.options(group), n=1, cutoff=0.5)
        outside = "" if close else "; --config-dir DIR adds options of your own"
        known = nearest(match[2], sources.options(group))
        return f"{group}={match[2]}: no such choice; {known}{outside}"
    if match := re.search(
        r"Could not override '?([\w@]+)'?\.?\s*No match in the defaults list", message
    ):
        return unknown_key(match[1], words, sources)
    if match := re.search(r"Key '([^']+)' not in 'RunConfig'", message):
        return unknown_key(match[1], words, sources)
    if match := re.search(r"metric@metrics\.(\S+) appears more than once", message):
        return f"+metric={match[1]}: the set has this metric; leave it out"
    if isinstance(error.__cause__, OmegaConfBaseException):
        error = error.__cause__
    if match := re.search(r"Interpolation key '([^']+)' not found", str(error)):
        return no_option(f"{match[1]}", ()) if todays_key(match[1]) else first_line(error)
    key = getattr(error, "full_key", "")
    return f"{key}: {first_line(error)}" if key else first_line(error)
