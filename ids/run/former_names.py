"""Names that stored results keep.

A key is a digest of names as version 0.2 had them, so that renaming a class, a field or an option
moves no result; a record that 0.2 wrote is read in today's names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

FIELDS = {"fpr": "refine"}  # today's name -> the one in keys
CLASSES = {"NoRefinement": "AsDrawn"}
OPTIONS = {"image": "picture"}  # of ThereAndBack.via
METRICS = {"latent_distance": "strength"}
T = TypeVar("T")


def method_in_keys(method: Mapping[str, Any]) -> dict[str, Any]:
    """A method's configuration in the names that keys are computed from."""
    renamed: dict[str, Any] = IN_KEYS.applied(method)
    return renamed


def revisions_in_keys(revisions: Mapping[str, T]) -> dict[str, T]:
    """Class name -> revision, in the names that keys are computed from."""
    return {CLASSES.get(name, name): revision for name, revision in revisions.items()}


def method_today(method: Mapping[str, Any]) -> dict[str, Any]:
    """A stored method configuration in today's names."""
    renamed: dict[str, Any] = TODAY.applied(method)
    return renamed


def revisions_today(revisions: Mapping[str, T]) -> dict[str, T]:
    """Stored revisions, or code digests, by today's class names."""
    return {TODAY.classes.get(name, name): value for name, value in revisions.items()}


def metrics_today(metrics: Mapping[str, T]) -> dict[str, T]:
    """Values by metric key: `strength@1` is read as `latent_distance@1`."""
    return {_metric_today(key): value for key, value in metrics.items()}


def _metric_today(key: str) -> str:
    name, separator, rest = key.partition("@")
    return f"{METRICS_TODAY[name]}{separator}{rest}" if name in METRICS_TODAY else key


@dataclass(frozen=True)
class _Names:
    """Names to replace in a method's configuration."""

    fields: Mapping[str, str]
    classes: Mapping[str, str]
    options: Mapping[str, str]

    def applied(self, node: Any) -> Any:
        """Fields and options of this package's classes alone: a class from outside keeps its."""
        if isinstance(node, list):
            return [self.applied(value) for value in node]
        if not isinstance(node, Mapping):
            return node
        if not str(node.get("_target_", "")).startswith("ids."):
            return {key: self.applied(value) for key, value in node.items()}
        return {self.fields.get(key, key): self._value(key, node[key]) for key in node}

    def _value(self, key: str, value: Any) -> Any:
        if key == "via":
            return self.options.get(value, value)
        if key == "_target_":
            package, _, name = value.rpartition(".")
            return f"{package}.{self.classes.get(name, name)}"
        return self.applied(value)


def _inverse(names: Mapping[str, str]) -> dict[str, str]:
    return {old: new for new, old in names.items()}


METRICS_TODAY = _inverse(METRICS)
IN_KEYS = _Names(FIELDS, CLASSES, OPTIONS)
TODAY = _Names(_inverse(FIELDS), _inverse(CLASSES), _inverse(OPTIONS))
