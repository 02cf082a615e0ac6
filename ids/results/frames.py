"""Stored results as data frames: a line per edit, or per kept state of one."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ids.core.numbers import Number, to_float
from ids.results.catalog import Entry
from ids.results.columns import Column, columns_in
from ids.results.labels import setting_labels, setting_values
from ids.results.omissions import SEPARATOR_OF_NAMES
from ids.run.evaluate import metric_columns
from ids.run.records import EditRecord, MeasurementRecord, MetricValue, Row
from ids.run.store import Store

HALVES = {  # how a note names `engine.anchors`
    "inline": ", source halves step by step",
    "ahead": "",
    "shared": ", shared source halves",
}


def frame(
    entries: Sequence[Entry],
    store: Store,
    engine: str | None = None,
    broken: Sequence[Row] = (),
) -> pd.DataFrame:
    """A line per edit. Columns: key, label, values (of the setting), status, case (digest), id,
    seed (-1 for none), reason, then one per metric and measurement (seconds, nfe, peak_mb in MiB).
    `undefined` names the metrics that do not exist for the case; other missing ones were never
    computed.
    `broken` rows have failed under every label, and have no key. `engine` restricts measurements.
    """
    columns = metric_columns(entry.numbers.values for entry in entries)
    measurements = store.numbers.measurements(engine)
    lines = []
    for entry, line in zip(entries, _identities(entries), strict=True):
        values = entry.numbers.values
        shown = {columns[k]: v.value for k, v in values.items() if k in columns}
        line |= {name: to_float(value) for name, value in shown.items()}
        line["undefined"] = _undefined(shown)
        lines.append(line | _measured(measurements.get(entry.record.key)))
    settings = {line["label"]: line["values"] for line in lines}
    for row in broken:
        line = {"key": "", "status": "failed", "case": row.id, "id": row.id, "seed": -1}
        line |= {"reason": row.problem}
        lines += [line | {"label": k, "values": v} for k, v in settings.items()]
    return pd.DataFrame(lines)


def curve_frame(entries: Sequence[Entry], store: Store) -> pd.DataFrame:
    """As `frame`, but a line per kept state: `step`, `nfe` up to it, the metrics there, and the
    names of those that are undefined there. An edit without kept states is one line: at step 0 if
    it reads no prompts (null edit, true edit), at step nan otherwise.
    """
    entries = [entry for entry in entries if entry.record.status == "ok"]
    if not entries:
        return pd.DataFrame()
    states = [_states(entry) for entry in entries]
    names = metric_columns(along for _, along in states)
    measurements = store.numbers.measurements()
    table: dict[str, list[Any]] = defaultdict(list)  # a column at a time: there are many lines
    for entry, (steps, along) in zip(entries, states, strict=True):
        nfe = _measured(measurements.get(entry.record.key))["nfe"]
        table["step"] += steps
        table["nfe"] += _nfe_along(entry.record, nfe, steps)
        computed = {name: along[key] for key, name in names.items() if along.get(key)}
        for name in names.values():
            table[name] += computed.get(name) or [None] * len(steps)
        table["undefined"] += _undefined_along(computed, len(steps))
    for name in names.values():
        table[name] = list(map(to_float, table[name]))
    lines = np.repeat(np.arange(len(entries)), [len(steps) for steps, _ in states])
    edits = pd.DataFrame(_identities(entries)).take(lines).reset_index(drop=True)
    return edits.assign(**table)


def columns_of(entries: Iterable[Entry], lines: pd.DataFrame) -> list[Column]:
    """The number columns of a frame of these entries, with the titles that the records store."""
    entries = list(entries)
    keys = {name: k for k, name in metric_columns(e.numbers.values for e in entries).items()}
    stored: dict[str, MetricValue] = {}
    for entry in sorted(entries, key=lambda entry: entry.record.made):  # the newest decides
        stored |= {key.split("@")[0]: value for key, value in entry.numbers.values.items()}
    found = columns_in(map(str, lines), stored)
    return [replace(column, metric=keys.get(column.key, "")) for column in found]


def weights_notes(entries: Iterable[Entry], columns: Sequence[Column]) -> tuple[str, ...]:
    """`Measured by shapes-clip-1f2e3d4c: clip_image, clip_score`: the network of each metric."""
    keys = {key for entry in entries for key in entry.numbers.values}
    found: dict[str, set[str]] = defaultdict(set)
    for name, weights_id in ((k.split("@")[0], k.partition(":")[2]) for k in keys if ":" in k):
        if any(column.key.startswith(name) for column in columns):
            found[weights_id].add(name)
    return tuple(
        f"Measured by {weights_id}: {', '.join(sorted(names))}."
        for weights_id, names in sorted(found.items())
    )


def _states(entry: Entry) -> tuple[Sequence[int | float], Mapping[str, Sequence[Number]]]:
    """The kept steps, and the metrics at each."""
    if entry.uses_prompts and entry.numbers.steps:
        return entry.numbers.steps, entry.numbers.along
    step = math.nan if entry.uses_prompts else 0
    return [step], {key: [value.value] for key, value in entry.numbers.values.items()}


def _nfe_along(record: EditRecord, nfe: float, steps: Sequence[int | float]) -> list[float]:
    """NFE up to each step. Every step costs the same, but not on a bank of draws, whose first
    steps cost most, and not under changing guidance, without which a step costs half: how much is
    not known, and nan.
    """
    if len(steps) == 1:
        return [nfe]
    timesteps, last = record.method.get("timesteps"), max(steps)
    bank = isinstance(timesteps, Mapping) and timesteps.get("_target_") == "ids.diffusion.Bank"
    even = not bank and "guidance" not in record.method
    return [nfe * step / last if even or step in (0, last) else math.nan for step in steps]


def _undefined(values: Mapping[str, Number]) -> str:
    """The names of the metrics whose value does not exist."""
    return SEPARATOR_OF_NAMES.join(sorted(name for name, v in values.items() if v is None))


def _undefined_along(values: Mapping[str, Sequence[Number]], n_steps: int) -> list[str]:
    """The same at each step."""
    some = {name: along for name, along in values.items() if None in along}
    if not some:
        return [""] * n_steps
    return [_undefined({k: along[i] for k, along in some.items()}) for i in range(n_steps)]


def _identities(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The columns that identify the edit of a line."""
    labels = setting_labels(entry.record for entry in entries)
    records = {e.record.setting: e.record for e in entries}
    values = {setting: setting_values(record) for setting, record in records.items()}
    return [
        {
            "key": record.key,
            "label": labels[record.setting],
            "values": values[record.setting],
            "status": record.status,
            "case": row.case,
            "id": row.id,
            "seed": -1 if record.seed is None else record.seed,
            "reason": record.reason,
        }
        for record, row in ((entry.record, entry.row) for entry in entries)
    ]


def _conditions(record: MeasurementRecord) -> str:
    """Device, edits of the batch, and when it computed source halves."""
    return f"{record.engine['device']}, batch {len(record.keys)}{HALVES.get(_anchors(record), '')}"


def _anchors(record: MeasurementRecord) -> str:
    """`engine.anchors`; a measurement that does not name it is `inline`."""
    return str(record.engine.get("anchors", "inline"))


def _measured(record: MeasurementRecord | None) -> dict[str, Any]:
    if record is None:
        return dict.fromkeys(("seconds", "nfe", "peak_mb"), math.nan)
    return {
        "seconds": record.seconds,
        "nfe": record.forwards + record.backwards,
        "peak_mb": to_float(record.peak_bytes) / 2**20,
        "batch": record.keys[0],
        "engine": _conditions(record),
        "anchors": _anchors(record),
    }
