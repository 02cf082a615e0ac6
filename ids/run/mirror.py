"""Stored results to the loggers: a mirror of the store, never its source."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ids.core.protocols import Logger
from ids.run.evaluate import metric_columns
from ids.run.job import Job
from ids.run.store import Record, Store

MAX_PICTURES = 16


def mirror(
    name: str,
    group: str,
    config: Mapping[str, Any],
    done: Sequence[Job],
    store: Store,
    logger: Logger,
) -> None:
    """One run per setting: its configuration, mean curves (and the mean metrics of the kept states
    among them), every edit's metrics, pictures, means as the summary. `done` are jobs that have a
    result.
    """
    rows = [_values(store.record(job.key), store) for job in done]
    keys = [job.key for job in done]
    with logger.run(name, group, config) as log:
        along = _mean_along(keys, store)
        for step, values in enumerate(_mean_curves(keys, store), start=1):
            log.scalars("curve", step, values | along.get(step, {}))
        for index, (job, values) in enumerate(zip(done, rows, strict=True)):
            log.scalars("edit", index, values)
            if index < MAX_PICTURES:
                pair = [job.case.source.load(), store.edited(job.key).image]
                caption = f"{job.case.prompt_src} -> {job.case.prompt_trg}"
                log.image(job.case.id, torch.cat(pair, dim=-1), caption)
        log.summary(_mean(rows))


def _values(record: Record, store: Store) -> dict[str, float]:
    columns = metric_columns([record.metrics])
    values = {name: record.metrics[key] for key, name in columns.items()}
    taken = store.measurement(record.key)
    if taken:
        values |= {name: taken[name] for name in ("seconds", "forwards", "backwards")}
        values["peak_memory_mb"] = taken["peak_bytes"] / 2**20
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _mean_curves(keys: Sequence[str], store: Store) -> list[dict[str, float]]:
    traces = [store.trace(key).curves for key in keys]
    if not traces[0]:
        return []
    means = {
        name: torch.stack([trace[name].double() for trace in traces]).mean(0) for name in traces[0]
    }
    columns: dict[str, list[float]] = {}
    for name, values in means.items():
        if values.ndim == 1:
            columns[name] = values.tolist()
        else:  # FPR's residual, one per iteration
            columns |= {f"{name}_{k}": values[:, k].tolist() for k in range(values.shape[1])}
    return [
        {name: values[step] for name, values in columns.items()}
        for step in range(len(next(iter(columns.values()))))
    ]


def _mean_along(keys: Sequence[str], store: Store) -> dict[int, dict[str, float]]:
    """step -> `along/psnr` and so on, over the edits that kept a state there."""
    rows: dict[int, list[dict[str, float]]] = defaultdict(list)
    for along in map(store.along, keys):
        columns = metric_columns([along])
        for index, step in enumerate(along.get("step", ())):
            values = {f"along/{name}": along[key][index] for key, name in columns.items()}
            rows[int(step)].append({k: v for k, v in values.items() if math.isfinite(v)})
    return {step: _mean(values) for step, values in rows.items()}


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    means = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        known = [row[name] for row in rows if name in row]
        means[name] = sum(known) / len(known)
    return means
