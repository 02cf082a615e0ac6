"""Stored results as one data frame: a line per edit, methods labelled by what tells them apart."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ids.run.store import Record, Store

ORDER = ("null_edit", "sds", "dds", "ids")  # then everything else by name, the true edit last


def frame(records: Iterable[Record], store: Store, engine: str | None = None) -> pd.DataFrame:
    """Columns: key, setting, label, dataset, backbone, case, seed, status, then one per metric and
    measurement.
    """
    records = list(records)
    labels = setting_labels(records)
    lines = []
    for record in records:
        job = record.job
        line: dict[str, Any] = {
            "key": record.key,
            "label": labels[job["identity"]["setting"]],
            "status": record.status,
            "reason": job.get("reason", ""),
            "dataset": job["dataset"],
            "backbone": _backbone(job),
            "case": job["case"],
            "seed": -1 if job["seed"] is None else job["seed"],
        }
        line |= {name.split("@")[0]: value for name, value in record.metrics.items()}
        lines.append(line | _measured(store.measurement(record.key, engine)))
    return pd.DataFrame(lines)


def setting_labels(records: Iterable[Record]) -> dict[str, str]:
    """`ids`, or `ids (n_steps=100)` where several settings share the name: what differs among them
    is named.
    """
    by_name: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for record in records:
        flat = dict(_flatten(record.job["method"])) | {
            f"backbone.{k}": v for k, v in record.job["backbone"].items()
        }
        by_name[record.job["name"]][record.job["identity"]["setting"]] = flat
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


def _backbone(job: Mapping[str, Any]) -> str:
    """Its name, and enough of the weights' digest to tell two of a name apart."""
    return f"{job['backbone_name']} {job['backbone'].get('weights', '')[:8]}".strip()


def in_order(labels: Iterable[str]) -> list[str]:
    """From doing nothing to the right answer."""

    def rank(label: str) -> tuple[int, str]:
        name = label.split(" ")[0]
        if name == "true_edit":
            return len(ORDER) + 1, label
        return (ORDER.index(name) if name in ORDER else len(ORDER)), label

    return sorted(set(labels), key=rank)


def _measured(taken: Mapping[str, Any] | None) -> dict[str, Any]:
    if taken is None:
        return dict.fromkeys(("seconds", "forwards", "backwards", "peak_mb"), math.nan)
    return {
        "seconds": taken["seconds"],
        "forwards": taken["forwards"],
        "backwards": taken["backwards"],
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
    """`distillation.refine.scale` is what people set as `fpr.scale`."""
    return key.replace("distillation.refine.", "fpr.").replace("distillation.", "")
