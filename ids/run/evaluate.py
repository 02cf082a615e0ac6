"""Metrics of stored edits: what is missing is computed, and a new metric makes no edit again."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ids.core.errors import DataError
from ids.core.protocols import Metric, Models
from ids.core.records import EditCase
from ids.core.tensors import Images, Latent
from ids.run.code import CODE, outside_id
from ids.run.edit import FinishedEdit
from ids.run.job import Job
from ids.run.judge import Unjudged, judge
from ids.run.records import Environment, MetricsRecord, Origin
from ids.run.store import Store
from ids.run.stored import read_edit

log = logging.getLogger(__name__)
SEPARATOR = " | "  # between a metric and its network, where a table has several networks
EDITS_AT_ONCE = 8  # read from the store


def metric_key(metric: Metric) -> str:
    """Name, revision and weights: `psnr@1`, `lpips_alex@1:alex-1f2e3d4c`. A metric from outside
    this package has a digest of its code and fields as well: another value is another number.
    """
    ids = [part for part in (metric.weights_id(), outside_id(metric)) if part]
    return f"{metric.name}@{metric.revision}" + (f":{' '.join(ids)}" if ids else "")


def metric_columns(found: Iterable[Iterable[str]]) -> dict[str, str]:
    """Metric key -> column, for the keys of several edits. The newest revision counts. A metric
    with several networks, or several versions of its code, has a column for each: their numbers
    are never averaged.
    """
    present = sorted({key for keys in found for key in keys})
    newest: dict[tuple[str, str], int] = {}
    for key in present:
        name, revision, weights_id = _parts(key)
        newest[name, weights_id] = max(revision, newest.get((name, weights_id), revision))
    kept: dict[str, list[str]] = defaultdict(list)
    for key in present:
        name, revision, weights_id = _parts(key)
        if newest[name, weights_id] == revision:
            kept[name].append(key)
    return {
        key: f"{name}{SEPARATOR}{key.partition(':')[2]}" if len(keys) > 1 else name
        for name, keys in kept.items()
        for key in keys
    }


def lacks_metrics(known: MetricsRecord, keys: Iterable[str]) -> bool:
    """Does an edit lack one of these metrics, by key, or a value of it along its steps?"""
    return any(k not in known.values or (known.steps and k not in known.along) for k in keys)


def _parts(key: str) -> tuple[str, int, str]:
    """Name, revision and weights of a metric key, without the digest of its code."""
    name, _, rest = key.partition("@")
    revision, _, ids = rest.partition(":")
    weights_id = ids.rpartition(" ")[0] if CODE in ids else ids
    return name, int(revision), weights_id


@dataclass(frozen=True)
class Evaluation:
    """Computes and stores the numbers that edits lack. `metrics` are by key; `decode` makes images
    of latents, `encode` the latent of a case's source. `environment` is stored with the numbers.
    """

    metrics: Mapping[str, Metric]
    models: Models
    store: Store
    decode: Callable[[Latent], Images]
    encode: Callable[[EditCase], Latent]
    environment: Environment | None = None

    def __call__(
        self, jobs: Iterable[Job], progress: Callable[[Sequence[Job]], None] = lambda _: None
    ) -> None:
        """Judge stored edits, after other processes that judge some of them. `progress` gets the
        edits of each batch.
        """
        todo = [job for job in jobs if self.lacks(job)]
        for batch in self.store.claims.batches(
            todo, EDITS_AT_ONCE, lambda job: job.key, lambda job: not self.lacks(job)
        ):
            read = [(job, self._stored(job)) for job in batch]
            self.judge([(job, edit) for job, edit in read if edit is not None])
            progress(batch)

    def judge(self, edits: Sequence[tuple[Job, FinishedEdit]]) -> None:
        """Judge edits in memory, and store their numbers. The caller holds their claims."""
        todo = [self._lacking(job, edit) for job, edit in edits]
        judged = judge(todo, self.models, self.decode)
        for (job, edit), found in zip(edits, judged, strict=True):
            record = MetricsRecord(
                key=job.key,
                case=job.case.digest,
                values=found.values,
                steps=list(edit.states),
                along=found.along,
                origins=self._origins([*{**found.values, **found.along}]),
            )
            self.store.numbers.add_metrics(record)

    def lacks(self, job: Job) -> bool:
        """Does a finished edit lack a number?"""
        look = self.store.look(job.key, files=False)
        if look.record is None or look.record.status != "ok":
            return False
        return lacks_metrics(self.store.numbers.metrics(job.key, job.case.digest), self.metrics)

    def _origins(self, keys: list[str]) -> list[Origin]:
        return [Origin(keys, time.time(), self.environment)] if keys and self.environment else []

    def _lacking(self, job: Job, edit: FinishedEdit) -> Unjudged:
        known = self.store.numbers.metrics(job.key, job.case.digest)
        values = {k: m for k, m in self.metrics.items() if k not in known.values}
        along = {k: m for k, m in self.metrics.items() if edit.states and k not in known.along}
        return Unjudged(edit, values, along)

    def _stored(self, job: Job) -> FinishedEdit | None:
        """None where the case, or a file of the edit, cannot be read any more."""
        try:
            return read_edit(job, self.store, self.encode)
        except DataError as error:  # a file has changed since the survey
            log.warning("case %s: no numbers: %s", job.case.id, error)
            return None
