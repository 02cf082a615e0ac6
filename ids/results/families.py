"""Settings of one method that differ in one number alone."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from ids.core.errors import ConfigError
from ids.results.labels import differing, short_key

Values = Mapping[str, Mapping[str, str]]  # label -> the values of its setting
OTHERS = ("backbone.", "revision.")  # values that are not of the method


def knob_keys(settings: Values) -> list[str]:
    """The keys along which these settings have a family of two or more. Keys that always have equal
    values (one is taken from the other) count once, by the shortest.
    """
    found: dict[tuple[str | None, ...], str] = {}
    for key in sorted(differing(settings.values()), key=lambda key: (len(key), key)):
        texts = tuple(values.get(key) for values in settings.values())
        if not key.startswith(OTHERS) and _numbers(texts):
            found.setdefault(texts, key)
    return sorted(k for k in found.values() if any(len(f) > 1 for f in families(settings, k)))


def families(settings: Values, key: str) -> list[list[str]]:
    """Labels that share every value but this one, which each of them has."""
    groups: dict[frozenset[tuple[str, str]], list[str]] = defaultdict(list)
    for label, values in settings.items():
        groups[frozenset(without(values, key, settings).items())].append(label)
    return list(groups.values())


def without(values: Mapping[str, str], key: str, settings: Values) -> dict[str, str]:
    """A setting without this key, and without keys that have its value in every setting."""
    twins = {
        other for other in values if all(of.get(other) == of.get(key) for of in settings.values())
    }
    return {k: v for k, v in values.items() if k not in twins and k != key}


def resolve(name: str, key: str, settings: Values) -> str:
    """The key that a user means, by its end as in `--where`. `ConfigError` where no setting has it,
    several keys end so, or its values are no numbers.
    """
    keys = sorted({k for values in settings.values() for k in values if not k.startswith(OTHERS)})
    numbers = [k for k in keys if _numbers([values.get(k) for values in settings.values()])]
    meant = [k for k in numbers if key in (k, short_key(k))]
    meant = meant or [k for k in numbers if f".{short_key(k)}".endswith(f".{key}")]
    if len(meant) == 1:
        return meant[0]
    known = ", ".join(map(short_key, meant or numbers))
    raise ConfigError(
        f"--knob {name}={key[:60]}: expected one number that all its settings have ({known}); "
        f"got {len(meant)} of that name; change it"
    )


def _numbers(texts: Iterable[str | None]) -> bool:
    try:
        return all(text is not None and math.isfinite(float(text)) for text in texts)
    except ValueError:
        return False
