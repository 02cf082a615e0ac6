"""Stored results as data frames: a line per edit, or per kept state of one; methods labelled by
what tells them apart.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ids.core.errors import ConfigError
from ids.run.evaluate import metric_columns
from ids.run.store import Record, Store

# Then everything else by name, the true edit last.
ORDER = ["null_edit", "reconstruction", "sdedit", "p2p", "pnp", "sds", "dds", "cds", "pds"]
ORDER += ["dream_catalyst", "ids", "ids_cut"]


def frame(records: Iterable[Record], store: Store, engine: str | None = None) -> pd.DataFrame:
    """Columns: key, label, values (of the setting), status, dataset, backbone, case, tags, seed,
    then one per metric and measurement.
    """
    records = list(records)
    identify, columns = _identities(records), metric_columns(r.metrics for r in records)
    lines = []
    for record in records:
        line = identify(record) | {"reason": record.job.get("reason", "")}
        line |= {columns[k]: value for k, value in record.metrics.items() if k in columns}
        lines.append(line | _measured(store.measurement(record.key, engine)))
    return pd.DataFrame(lines)


def curve_frame(records: Iterable[Record], store: Store) -> pd.DataFrame:
    """As `frame`, a line per kept state: `step`, `passes` up to it, and the metrics there. An edit
    that takes no steps (null, true) is a line of its own.
    """
    records = [record for record in records if record.status == "ok"]
    along = {record.key: _along(record, store) for record in records}
    identify, columns = _identities(records), metric_columns(along.values())
    lines = []
    for record in records:
        states = along[record.key]
        taken = _measured(store.measurement(record.key))
        for index, step in enumerate(states.get("step", ())):
            line = {"step": step, "passes": taken["passes"] * step / max(states["step"][-1], 1)}
            line |= {columns[k]: states[k][index] for k in states if k in columns}
            lines.append(identify(record) | line)
    return pd.DataFrame(lines)


def _along(record: Record, store: Store) -> Mapping[str, Any]:
    if record.job["identity"]["prompts"] is not None:
        return store.along(record.key)
    return {"step": [0.0], **{key: [value] for key, value in record.metrics.items()}}


def by_world(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by data set and backbone, `shapes-dev-v1 on shapes 97d8e07f`: only within one are
    they compared.
    """
    worlds: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        worlds[f"{record.job['dataset']} on {_backbone(record.job)}"].append(record)
    return dict(sorted(worlds.items()))


def bases(records: Iterable[Record], frame: pd.DataFrame) -> tuple[str, ...]:
    """`shapes-clip-1f2e3d4c: clip_score, clip_image`: what the numbers of the frame stand on."""
    found: dict[str, set[str]] = defaultdict(set)
    for key in {key for record in records for key in record.metrics if ":" in key}:
        name, basis = key.split("@")[0], key.partition(":")[2]
        if any(str(column).startswith(name) for column in frame):
            found[basis].add(name)
    return tuple(f"{basis}: {', '.join(sorted(names))}" for basis, names in sorted(found.items()))


def setting_labels(records: Iterable[Record]) -> dict[str, str]:
    """`ids`, or `ids (n_steps=100)` where several settings share the name: what differs among them
    is named.
    """
    by_name: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for record in records:
        by_name[record.job["name"]][record.job["identity"]["setting"]] = setting_values(record.job)
    labels = {}
    for name, settings in by_name.items():
        keys = sorted({key for flat in settings.values() for key in flat})
        differing = [
            key for key in keys if len({repr(flat.get(key)) for flat in settings.values()}) > 1
        ]
        for setting, flat in settings.items():
            told = ", ".join(f"{_short(key)}={flat[key]}" for key in differing if key in flat)
            labels[setting] = f"{name} ({told})" if told else name
    return labels


def baseline_of(label: str, frame: pd.DataFrame, baseline: str) -> str | None:
    """The setting of that name that shares most values with `label`'s: DDS at guidance 3 for IDS at
    guidance 3. Words after the name are values it must have: `ids fpr.n_iters=1`.
    """
    name, *told = baseline.split() or [""]
    values = frame.drop_duplicates("label").set_index("label")["values"]
    candidates = [
        other
        for other in in_order(values.index)
        if other.split(" ")[0] == name and all(says(values[other], word) for word in told)
    ]
    ours = set(values[label].items())
    return max(candidates, key=lambda other: len(ours & set(values[other].items())), default=None)


def baseline_note(frame: pd.DataFrame, baseline: str) -> tuple[str, ...]:
    """That there is nothing to take differences to, where it is so."""
    found = any(baseline_of(label, frame, baseline) for label in frame["label"].unique())
    return () if found else (f"No paired differences: no results of the baseline {baseline!r}.",)


def says(values: Mapping[str, str], told: str) -> bool:
    """Has a setting this `key=value`? A key may be told by its end, as people set it; numbers are
    compared as numbers.
    """
    key, separator, value = told.partition("=")
    if not separator:
        raise ConfigError(f"{told}: expected key=value, as in guidance_scale=3; write it so")
    found = [v for k, v in values.items() if f".{_short(k)}".endswith(f".{key}")]
    return any(_same(v, value) for v in found)


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other


def in_order(labels: Iterable[str]) -> list[str]:
    """From doing nothing to the right answer."""

    def rank(label: str) -> tuple[int, str]:
        name = label.split(" ")[0].split("+")[0]
        if name == "true_edit":
            return len(ORDER) + 1, label
        return (ORDER.index(name) if name in ORDER else len(ORDER)), label

    return sorted(set(labels), key=rank)


def _identities(records: list[Record]) -> Any:
    labels = setting_labels(records)

    def identify(record: Record) -> dict[str, Any]:
        job = record.job
        return {
            "key": record.key,
            "label": labels[job["identity"]["setting"]],
            "values": setting_values(job),
            "status": record.status,
            "case": job["case"],
            "seed": -1 if job["seed"] is None else job["seed"],
        }

    return identify


def setting_values(job: Mapping[str, Any]) -> dict[str, str]:
    """Every value of the method, the backbone and the code's revisions, flat, as text."""
    flat = dict(_flatten(job["method"]))
    flat |= {f"backbone.{key}": value for key, value in job["backbone"].items()}
    flat |= {f"revision.{key}": value for key, value in job["revisions"].items()}
    return {key: str(value) for key, value in flat.items()}


def _backbone(job: Mapping[str, Any]) -> str:
    """Its name, and enough of the weights' digest to tell two of a name apart."""
    return f"{job['backbone_name']} {job['backbone'].get('weights', '')[:8]}".strip()


def _measured(taken: Mapping[str, Any] | None) -> dict[str, Any]:
    if taken is None:
        return dict.fromkeys(("seconds", "passes", "peak_mb"), math.nan)
    return {
        "seconds": taken["seconds"],
        "passes": taken["forwards"] + taken["backwards"],
        "peak_mb": taken["peak_bytes"] / 2**20,
        "batch": taken["batch_id"],
        "engine": f"{taken['engine']['device']}, batch {taken['batch']}",
    }


def _flatten(node: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _flatten(value, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, node


def _short(key: str) -> str:
    """`refine.scale` is what people set as `fpr.scale`."""
    return key.replace("refine.", "fpr.").replace("distillation.", "")
