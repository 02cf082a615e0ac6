"""Metrics over stored results: a new metric costs no new edit."""

from collections.abc import Iterable, Mapping

from ids.core.protocols import Metric
from ids.run.job import Job
from ids.run.store import Store


def metric_key(metric: Metric) -> str:
    return f"{metric.name}@{metric.version}"


def evaluate(jobs: Iterable[Job], metrics: Mapping[str, Metric], store: Store) -> None:
    """Fill in what is missing, from the stored 8-bit pictures and latents."""
    for job in jobs:
        if store.status(job.key) != "ok":
            continue
        known = store.record(job.key).metrics
        missing = [metric for metric in metrics.values() if metric_key(metric) not in known]
        if missing:
            edited = store.edited(job.key)
            values = {metric_key(metric): metric(job.case, edited) for metric in missing}
            store.add_metrics(job.key, values)
