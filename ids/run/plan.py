"""The plan of a sweep: the jobs of all settings, and what the store lacks of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ids.core.unexpected import interrupted
from ids.run.evaluate import lacks_metrics
from ids.run.experiment import Experiment, MethodSpec
from ids.run.job import Job, Setting
from ids.run.records import Status
from ids.run.store import Lookup

Name = tuple[str, str]  # key of an edit, digest of its case


class Known(NamedTuple):
    """A result that exists: its status, and the reason of a failure."""

    status: Status
    reason: str


@dataclass(frozen=True)
class Part:
    """One method or control of one setting. Of its `jobs`, `edits` are to be made, `judged` lack
    metrics, and `known` exist. Jobs that an earlier part makes are in none of these.
    `unsupported` is the reason why none can be made; empty where they can. `metrics` are the keys
    that each edit is to have.
    """

    setting: int
    spec: MethodSpec
    key: Setting
    jobs: Sequence[Job]
    edits: Sequence[Job]
    judged: Sequence[Job]
    known: Mapping[Name, Known]
    unsupported: str = ""
    metrics: frozenset[str] = frozenset()

    @property
    def todo(self) -> Sequence[Job]:
        """The jobs that need work."""
        return [*self.edits, *self.judged]


@dataclass(frozen=True)
class Plan:
    """The parts of every setting in order, and the settings that cannot be planned."""

    parts: Sequence[Part]
    errors: Mapping[int, Exception] = field(default_factory=dict)


def plan_sweep(experiments: Mapping[int, Experiment]) -> Plan:
    """Plan settings by their numbers: the first that needs a job makes it for all. Writes nothing.
    A setting that cannot be planned costs itself only.
    """
    shared = _Shared(_present(experiments.values()))
    keys: dict[tuple[int, ...], frozenset[str]] = {}  # by the metrics: settings share them
    parts: list[Part] = []
    errors: dict[int, Exception] = {}
    for number, experiment in experiments.items():
        try:
            experiment.check_size(experiment.survey().cases[0].source)
            metrics = tuple(map(id, experiment.metrics.values()))
            if metrics not in keys:
                keys[metrics] = experiment.metric_keys()
            specs = experiment.specs
            parts += [shared.part(number, experiment, spec, keys[metrics]) for spec in specs]
        except Exception as error:  # whatever it is, the other settings still run
            if interrupted(error):
                raise
            errors[number] = error
    return Plan([part for part in parts if part.setting not in errors], errors)


def _present(experiments: Iterable[Experiment]) -> set[str]:
    """The results of the stores of all settings, listed once."""
    stores = {experiment.store.root: experiment.store for experiment in experiments}
    return set().union(*(store.present() for store in stores.values()))


@dataclass(frozen=True)
class _Shared:
    """What all parts of a plan share: results that are `present`, and jobs that are planned, with
    the metrics that they will have.
    """

    present: set[str]
    planned: dict[Name, set[str]] = field(default_factory=dict)

    def part(
        self, number: int, experiment: Experiment, spec: MethodSpec, metrics: frozenset[str]
    ) -> Part:
        """One part. Of a result that is not present no file is looked for."""
        edits, judged, known = [], [], {}
        jobs, reason = experiment.jobs(spec), experiment.unsupported(spec)
        for job in jobs:
            if job.name in self.planned:
                if not metrics <= self.planned[job.name]:
                    judged.append(job)
                    self.planned[job.name] |= metrics
                continue
            look = experiment.store.look(job.key) if job.key in self.present else Lookup(job.key)
            if experiment.reuse.repeats(job, look):
                edits.append(job)
            elif look.record is not None:
                known[job.name] = Known(look.record.status, look.record.reason)
                if not self._lacks_metrics(experiment, job, known[job.name], metrics):
                    continue
                judged.append(job)
            if not reason:
                self.planned[job.name] = set(metrics)
        key = jobs[0].setting if jobs else experiment.setting(spec)
        return Part(number, spec, key, jobs, edits, judged, known, reason, metrics)

    def _lacks_metrics(
        self, experiment: Experiment, job: Job, known: Known, metrics: frozenset[str]
    ) -> bool:
        if known.status != "ok":
            return False
        numbers = experiment.store.numbers.metrics(job.key, job.case.digest)
        return bool(lacks_metrics(numbers, metrics))
