"""Stored results as data frames: a line per edit, or per kept state of one; methods labelled by
what tells them apart.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ids.core.errors import ConfigError
from ids.results.catalog import Entry
from ids.run.evaluate import metric_columns
from ids.run.records import EditRecord, MeasurementRecord, Row
from ids.run.store import Store

# Then everything else by name, the true edit last.
ORDER = ["null_edit", "reconstruction", "sdedit", "p2p", "pnp", "sds", "dds", "cds", "pds"]
ORDER += ["dream_catalyst", "ids", "ids_cut"]


def frame(
    entries: Sequence[Entry],
    store: Store,
    engine: str | None = None,
    broken: Sequence[Row] = (),
) -> pd.DataFrame:
    """Columns: key, label, values (of the setting), status, case (digest), id, seed, reason, then
    one per metric and measurement. `broken` rows fail under every label, and have no key.
    """
    columns = metric_columns(entry.numbers.values for entry in entries)
    taken = store.numbers.measurements(engine)
    lines = []
    for entry, line in zip(entries, _identities(entries), strict=True):
        own = entry.numbers.values
        line |= {columns[k]: _float(v.value) for k, v in own.items() if k in columns}
        lines.append(line | _measured(taken.get(entry.record.key)))
    settings = {line["label"]: line["values"] for line in lines}
    for row in broken:
        line = {"key": "", "status": "failed", "case": row.id, "id": row.id, "seed": -1}
        line |= {"reason": row.problem}
        lines += [line | {"label": k, "values": v} for k, v in settings.items()]
    return pd.DataFrame(lines)


def curve_frame(entries: Sequence[Entry], store: Store) -> pd.DataFrame:
    """As `frame`, a line per kept state: `step`, `nfe` up to it, and the metrics there. An edit
    that takes no steps (null, true) is a line of its own.
    """
    entries = [entry for entry in entries if entry.record.status == "ok"]
    states = [_states(entry) for entry in entries]
    names = metric_columns(along for _, along in states)
    taken = store.numbers.measurements()
    table: dict[str, list[Any]] = defaultdict(list)  # a column at a time: there are many lines
    for entry, (steps, along), line in zip(entries, states, _identities(entries), strict=True):
        passes = _measured(taken.get(entry.record.key))["nfe"] / max(*steps, 1) if steps else 0
        for key, value in line.items():
            table[key] += [value] * len(steps)
        table["step"] += steps
        table["nfe"] += [passes * step for step in steps]
        for key, name in names.items():
            table[name] += along.get(key) or [math.nan] * len(steps)
    return pd.DataFrame(table).astype(dict.fromkeys(names.values() if table else (), float))


def _states(entry: Entry) -> tuple[Sequence[int], Mapping[str, Sequence[float | None]]]:
    """The kept steps, and the metrics there."""
    if entry.uses_prompts:
        return entry.numbers.steps, entry.numbers.along
    return [0], {key: [value.value] for key, value in entry.numbers.values.items()}


def weights_notes(entries: Iterable[Entry], frame: pd.DataFrame) -> tuple[str, ...]:
    """`shapes-clip-1f2e3d4c: clip_score, clip_image`: what the numbers of the frame stand on."""
    keys = {key for entry in entries for key in entry.numbers.values}
    found: dict[str, set[str]] = defaultdict(set)
    for name, weights_id in ((k.split("@")[0], k.partition(":")[2]) for k in keys if ":" in k):
        if any(str(column).startswith(name) for column in frame):
            found[weights_id].add(name)
    return tuple(
        f"{weights_id}: {', '.join(sorted(names))}" for weights_id, names in sorted(found.items())
    )


def setting_labels(records: Iterable[EditRecord]) -> dict[str, str]:
    """`ids`, or `ids (n_steps=100)` where several settings share the name: what differs among them
    is named.
    """
    by_name: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for record in records:
        if record.setting not in by_name[record.name]:
            by_name[record.name][record.setting] = setting_values(record)
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
        if other.split(" ")[0] == name and all(matches(values[other], word) for word in told)
    ]
    ours = set(values[label].items())
    return max(candidates, key=lambda other: len(ours & set(values[other].items())), default=None)


def baseline_note(frame: pd.DataFrame, baseline: str) -> tuple[str, ...]:
    """That there is nothing to take differences to, where it is so."""
    found = any(baseline_of(label, frame, baseline) for label in frame["label"].unique())
    return () if found else (f"No paired differences: no results of the baseline {baseline!r}.",)


def matches(values: Mapping[str, str], told: str) -> bool:
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


def _identities(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The columns that say which edit a line is of."""
    labels = setting_labels(entry.record for entry in entries)
    values = {e.record.setting: e.record for e in entries}
    flat = {setting: setting_values(record) for setting, record in values.items()}
    return [
        {
            "key": record.key,
            "label": labels[record.setting],
            "values": flat[record.setting],
            "status": record.status,
            "case": row.case,
            "id": row.id,
            "seed": -1 if record.seed is None else record.seed,
            "reason": record.reason,
        }
        for record, row in ((entry.record, entry.row) for entry in entries)
    ]


def setting_values(record: EditRecord) -> dict[str, str]:
    """Every value of the method, the backbone and the code's revisions, flat, as text."""
    return {key: str(value) for key, value in setting_parts(record).items()}


def setting_parts(record: EditRecord) -> dict[str, Any]:
    """The same, as they are; lists as text."""
    flat = dict(_flatten(record.method))
    flat |= {f"backbone.{key}": value for key, value in record.backbone.items()}
    flat |= {f"revision.{key}": value for key, value in record.revisions.items()}
    return {key: str(v) if isinstance(v, list) else v for key, v in flat.items()}


def _measured(taken: MeasurementRecord | None) -> dict[str, Any]:
    if taken is None:
        return dict.fromkeys(("seconds", "nfe", "peak_mb"), math.nan)
    return {
        "seconds": taken.seconds,
        "nfe": taken.forwards + taken.backwards,
        "peak_mb": _float(taken.peak_bytes) / 2**20,
        "batch": taken.keys[0],
        "engine": f"{taken.engine['device']}, batch {len(taken.keys)}",
    }


def _float(value: float | None) -> float:
    return math.nan if value is None else value


def _flatten(node: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _flatten(value, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, node


def _short(key: str) -> str:
    """`distillation.weighting` is shown as `weighting`."""
    return key.replace("distillation.", "")
