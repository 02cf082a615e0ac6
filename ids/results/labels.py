"""Settings as labels: what differs among them, their order, and the baseline of each."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool
from numpy import ndarray

from ids.core.errors import ConfigError
from ids.run.records import EditRecord

CONTROLS = ("null_edit", "true_edit")
NO_EDITS = (*CONTROLS, "posterior_mean", "reconstruction")  # of no target prompt
# Every other method follows by name, the true edit is last.
ORDER = [
    "null_edit",
    "reconstruction",
    "sdedit",
    "infedit",
    "p2p",
    "pnp",
    "sds",
    "dds",
    "cds",
    "pds",
]
ORDER += ["dream_catalyst", "sbp", "ssd", "ids", "ids_cut"]


def is_edit(label: str) -> bool:
    """Is this a method that edits? Others are never ranked, as what changes nothing preserves most,
    and have no curve at equal edit strength.
    """
    return label.split(" ")[0] not in NO_EDITS


def setting_labels(records: Iterable[EditRecord]) -> dict[str, str]:
    """Key of a setting -> its label: `ids`, or `ids (n_steps=100)` with the values in which the
    settings of one name differ.
    """
    by_name: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for record in records:
        if record.setting not in by_name[record.name]:
            by_name[record.name][record.setting] = setting_values(record)
    labels: dict[str, str] = {}
    for name, settings in by_name.items():
        keys = differing(settings.values())
        labels |= {setting: label_of(name, values, keys) for setting, values in settings.items()}
    return labels


def label_of(name: str, values: Mapping[str, str], keys: Iterable[str]) -> str:
    """The name, with the values of these keys where the setting has them."""
    words = [f"{short_key(key)}={values[key]}" for key in keys if key in values]
    return f"{name} ({', '.join(words)})" if words else name


def setting_values(record: EditRecord) -> dict[str, str]:
    """Every value of the method, the backbone and the code's revisions, flat, as text."""
    return {key: str(value) for key, value in setting_parts(record).items()}


def setting_parts(record: EditRecord) -> dict[str, Any]:
    """The same values with their types; lists are text."""
    flat = dict(_flatten(record.method))
    flat |= {f"backbone.{key}": value for key, value in record.backbone.items()}
    flat |= {f"revision.{key}": value for key, value in record.revisions.items()}
    return {key: str(v) if isinstance(v, list) else v for key, v in flat.items()}


def matches(values: Mapping[str, str], condition: str) -> bool:
    """Does a setting fulfil this `key=value`? The end of a key is enough, as in overrides. Numbers
    are compared as numbers. `ConfigError` for a condition of another form.
    """
    key, separator, value = condition.partition("=")
    if not separator:
        raise ConfigError(
            f"{condition}: expected key=value; got no '='; write it as in guidance_scale=3"
        )
    found = [v for k, v in values.items() if f".{short_key(k)}".endswith(f".{key}")]
    return any(_equal(v, value) for v in found)


def settings_of(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per setting of a frame: its label and its values."""
    return frame.drop_duplicates("label")[["label", "values"]]


def labelled(frame: pd.DataFrame, chosen: Callable[[str], bool]) -> Bool[ndarray, " lines"]:
    """The lines whose label is chosen. Each label is looked at once: a frame has many lines."""
    codes, names = pd.factorize(frame["label"])
    return np.array([chosen(name) for name in names], bool)[codes]


def baseline_of(label: str, settings: pd.DataFrame, baseline: str) -> str | None:
    """The setting of the baseline that shares most values with this one: DDS at guidance 3 for IDS
    at guidance 3. Words after the name are conditions: `ids fpr.n_iters=1`.
    """
    name, *conditions = baseline.split() or [""]
    values = dict(zip(settings["label"], settings["values"], strict=True))
    candidates = [
        other
        for other in in_order(label for label in values if label.split(" ")[0] == name)
        if all(matches(values[other], c) for c in conditions)
    ]
    ours = set(values[label].items())
    return max(candidates, key=lambda other: len(ours & set(values[other].items())), default=None)


def baseline_note(settings: pd.DataFrame, baseline: str) -> tuple[str, ...]:
    """One note where no setting is the baseline."""
    if any(baseline_of(label, settings, baseline) for label in settings["label"].unique()):
        return ()
    names = ", ".join(dict.fromkeys(label.split(" ")[0] for label in in_order(settings["label"])))
    return (
        f"No paired differences: baseline {baseline!r} is not among the results ({names}); "
        "choose one with --baseline.",
    )


def in_order(labels: Iterable[str]) -> list[str]:
    """Distinct labels: the null edit first, the true edit last; equal names by their numbers."""

    def rank(label: str) -> tuple[int, list[tuple[str, float]], str]:
        name = label.split(" ")[0].split("+")[0]
        place = len(ORDER) + 1 if name == "true_edit" else len(ORDER)
        return ORDER.index(name) if name in ORDER else place, _pieces(label), label

    return sorted(set(labels), key=rank)


def _pieces(label: str) -> list[tuple[str, float]]:
    """Texts and the numbers behind them: guidance 15 follows 7.5."""
    words = [*re.split(r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?)", label), "-1"]
    return [(text, float(number)) for text, number in zip(words[::2], words[1::2], strict=True)]


def short_key(key: str) -> str:
    """`distillation.weighting` is shown as `weighting`."""
    return key.replace("distillation.", "")


def differing(settings: Iterable[Mapping[str, str]]) -> list[str]:
    """Keys whose values are not equal in all settings."""
    settings = list(settings)
    keys = sorted({key for values in settings for key in values})
    return [key for key in keys if len({repr(values.get(key)) for values in settings}) > 1]


def _equal(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other


def _flatten(node: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _flatten(value, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, node
