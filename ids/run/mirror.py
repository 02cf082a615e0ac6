"""Stored results to the loggers: a mirror of the store, never its source."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from ids.core.numbers import to_float
from ids.core.protocols import Logger
from ids.run.edit import curve_columns
from ids.run.evaluate import metric_columns
from ids.run.job import Job
from ids.run.records import MeasurementRecord, MetricsRecord, Mirrored
from ids.run.sealed import Unusable, read, seal
from ids.run.store import Store

MAX_IMAGES = 16


def mirror(
    name: str,
    group: str,
    config: Mapping[str, Any],
    setting: str,
    done: Sequence[Job],
    store: Store,
    logger: Logger,
) -> None:
    """Log the results of a setting, unless the logger has them all with all their numbers.

    One run per setting: its configuration, mean curves with the mean metrics of kept states, the
    metrics of every edit, images, and means as the summary. `done` are jobs that have a result.
    """
    kind = type(logger).__name__
    path = store.root / "mirrored" / f"{kind}-{setting}.json"
    with store.claims.wait(f"mirror-{kind}-{setting}"):
        known = _mirrored(path)
        by_name = {_name(job, store): job for job in done}
        results = set(by_name) - {""}
        done = [job for name, job in by_name.items() if name]
        if results <= known:
            return
        _log(name, group, config, done, store, logger)
        store.numbers.write(path, seal(Mirrored(results=sorted(results | known))))


def _name(job: Job, store: Store) -> str:
    """A result and the metrics it has, as one text; empty where it does not exist."""
    record = store.look(job.key).record
    if record is None or record.status != "ok":
        return ""
    numbers = store.numbers.metrics(job.key, job.case.digest)
    return f"{job.key}/{job.case.digest}/{record.made}/{','.join(sorted(numbers.values))}"


def _mirrored(path: Path) -> set[str]:
    """Results that the logger has; empty where that is not known."""
    with suppress(Unusable):
        found = read(path, Mirrored)
        return set(found.results) if found else set()
    return set()


def _log(
    name: str,
    group: str,
    config: Mapping[str, Any],
    done: Sequence[Job],
    store: Store,
    logger: Logger,
) -> None:
    """Open a run of the logger and fill it."""
    numbers = [store.numbers.metrics(job.key, job.case.digest) for job in done]
    taken = store.numbers.measurements()
    rows = [_values(n, taken.get(job.key)) for n, job in zip(numbers, done, strict=True)]
    with logger.run(name, group, config) as run:
        along = _mean_along(numbers)
        for step, values in enumerate(_mean_curves([job.key for job in done], store), start=1):
            run.scalars("curve", step, values | along.get(step, {}))
        for index, (job, values) in enumerate(zip(done, rows, strict=True)):
            run.scalars("edit", index, values)
            if index < MAX_IMAGES:
                pair = [job.case.source.load(), store.image(job.key)]
                caption = f"{job.case.prompt_src} -> {job.case.prompt_trg}"
                run.image(job.case.id, torch.cat(pair, dim=-1), caption)
        run.summary(_mean(rows))


def _values(numbers: MetricsRecord, taken: MeasurementRecord | None) -> dict[str, float]:
    columns = metric_columns([numbers.values])
    values = {column: to_float(numbers.values[key].value) for key, column in columns.items()}
    if taken:
        values |= {
            "seconds": taken.seconds,
            "forwards": taken.forwards,
            "backwards": taken.backwards,
            "peak_memory_mb": to_float(taken.peak_bytes) / 2**20,
        }
    return _defined(values)


def _mean_curves(keys: Sequence[str], store: Store) -> list[dict[str, float]]:
    traces = [store.trace(key).curves for key in keys]
    if not traces[0]:
        return []
    means = {
        name: torch.stack([trace[name].double() for trace in traces]).mean(0) for name in traces[0]
    }
    columns = curve_columns(means)
    return [
        {name: values[step] for name, values in columns.items()}
        for step in range(len(next(iter(columns.values()))))
    ]


def _mean_along(numbers: Sequence[MetricsRecord]) -> dict[int, dict[str, float]]:
    """Step -> mean `along/psnr` and so on, over the edits with a state after that step."""
    rows: dict[int, list[dict[str, float]]] = defaultdict(list)
    columns = metric_columns(record.along for record in numbers)
    for record in numbers:
        for index, step in enumerate(record.steps):
            present = ((columns[k], v[index]) for k, v in record.along.items() if k in columns)
            rows[step].append(_defined({f"along/{name}": to_float(v) for name, v in present}))
    return {step: _mean(values) for step, values in rows.items()}


def _defined(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if not math.isnan(value)}


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means of the finite values, and how many were infinite, as `psnr_infinite`."""
    means = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        found = [row[name] for row in rows if name in row]
        finite = [value for value in found if math.isfinite(value)]
        if finite:
            means[name] = sum(finite) / len(finite)
        if len(finite) < len(found):
            means[f"{name}_infinite"] = float(len(found) - len(finite))
    return means
