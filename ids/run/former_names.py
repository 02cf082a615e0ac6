"""Names that stored results keep.

A key is a digest of names as version 0.2 had them, so that renaming a class, a field or an option
moves no result; a record that 0.2 wrote is read in today's names.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

FIELDS = {"fpr": "refine"}  # today's name -> the one in keys
CLASSES = {"NoRefinement": "AsDrawn"}
OPTIONS = {"image": "picture"}  # of ThereAndBack.via
METRICS = {"latent_distance": "strength"}
T = TypeVar("T")


def method_in_keys(method: Mapping[str, Any]) -> dict[str, Any]:
    """A method's configuration in the names that keys are computed from."""
    return _renamed(method, FIELDS, CLASSES, OPTIONS)


def revisions_in_keys(revisions: Mapping[str, T]) -> dict[str, T]:
    """Class name -> revision, in the names that keys are computed from."""
    return {CLASSES.get(name, name): revision for name, revision in revisions.items()}


def method_today(method: Mapping[str, Any]) -> dict[str, Any]:
    """A stored method configuration in today's names."""
    return _renamed(method, _inverse(FIELDS), _inverse(CLASSES), _inverse(OPTIONS))


def revisions_today(revisions: Mapping[str, T]) -> dict[str, T]:
    """Stored revisions, or code digests, by today's class names."""
    today = _inverse(CLASSES)
    return {today.get(name, name): value for name, value in revisions.items()}


def metrics_today(metrics: Mapping[str, T]) -> dict[str, T]:
    """Values by metric key: `strength@1` is read as `latent_distance@1`."""
    return {_metric_today(key): value for key, value in metrics.items()}


def _metric_today(key: str) -> str:
    name, separator, rest = key.partition("@")
    return _inverse(METRICS).get(name, name) + separator + rest


def _renamed(
    node: Mapping[str, Any],
    fields: Mapping[str, str],
    classes: Mapping[str, str],
    options: Mapping[str, str],
) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            value = _renamed(value, fields, classes, options)
        elif key == "via":
            value = options.get(value, value)
        elif key == "_target_":
            value = _class_renamed(value, classes)
        renamed[fields.get(key, key)] = value
    return renamed


def _class_renamed(target: object, classes: Mapping[str, str]) -> object:
    """`ids.methods.NoRefinement` -> `ids.methods.AsDrawn`; classes from outside keep their name."""
    package, dot, name = str(target).rpartition(".")
    ours = package.split(".")[0] == "ids"
    return f"{package}{dot}{classes[name]}" if ours and name in classes else target


def _inverse(names: Mapping[str, str]) -> dict[str, str]:
    return {old: new for new, old in names.items()}
