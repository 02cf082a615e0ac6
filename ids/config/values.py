"""Python values as words of the command line, so that both are checked by the same functions."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from os import PathLike, fspath
from typing import Protocol, runtime_checkable

from ids.config.schema import RunConfig
from ids.core.errors import ConfigError

ROOT_KEYS = frozenset(field.name for field in fields(RunConfig))


@runtime_checkable
class Scalar(Protocol):
    """A number of numpy or torch, if it has no dimensions."""

    ndim: int

    def item(self) -> object: ...


def words_of(values: Mapping[str, object]) -> list[str]:
    """`{"n_steps": 100, "fpr": {"scale": 0.2}}` as `method.n_steps=100 fpr.scale=0.2`.

    `__` in a key stands for a dot. A key that is neither a group nor a root key belongs to the
    method. A text for a group chooses an option (`fpr="polyak"`); a mapping sets its values.
    """
    words: list[str] = []
    for name, value in values.items():
        key = name.replace("__", ".")
        if key.split(".")[0] not in ROOT_KEYS:
            key = f"method.{key}"
        words += _words(key, value)
    return words


def _words(key: str, value: object) -> Iterable[str]:
    if isinstance(value, Mapping) and key in ROOT_KEYS:
        return [f"{key}.{inner}={literal(one, key)}" for inner, one in value.items()]
    return [f"{key}={value if key in ROOT_KEYS and _is_word(value) else literal(value, key)}"]


def _is_word(value: object) -> bool:
    return isinstance(value, str) and value.replace("_", "").replace("-", "").isalnum()


def literal(value: object, key: str = "value") -> str:
    """A value in the override grammar of Hydra: any text as itself, nothing interpolated;
    `ConfigError` for a value that no configuration file can hold.
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return repr(int(value))
        case float():
            return repr(float(value))  # of numpy's: its repr names its type
        case str() | PathLike():
            return _quoted(fspath(value))
        case Mapping():
            pairs = (f"{inner}: {literal(one, key)}" for inner, one in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list() | tuple():
            return f"[{', '.join(literal(one, key) for one in value)}]"
        case Scalar() if value.ndim == 0:
            return literal(value.item(), key)
    raise ConfigError(
        f"{key}: expected a number, text, list, dict or None; got {type(value).__name__}; change it"
    )


def _quoted(text: str) -> str:
    """Backslashes are doubled where they count: before an interpolation, a quote and the end."""
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    text = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)\Z", r"\1\1", text) + "'"
