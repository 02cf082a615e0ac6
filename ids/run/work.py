"""A unit of work, done in this process: edits, their numbers, and a report per batch."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ids.core.errors import DataError
from ids.core.storage import patiently, storing
from ids.run.evaluate import Evaluation
from ids.run.execute import Executor, Outcome
from ids.run.experiment import Experiment, MethodSpec
from ids.run.job import Job
from ids.run.records import Status
from ids.run.unit import Ended, Judged, Prepared, Report, RowEnd, Steps, Unit, UnitPart

SHOWN_EVERY = 0.1  # seconds between two reports of steps


@dataclass
class Worker:
    """Does units, one after another. `experiment` gives each setting of the sweep by its number,
    built; what it loads stays loaded from unit to unit. `report` gets every report, `broke` the
    error that breaks a setting off: the other parts of a unit are still done. `folder` is where
    tracebacks of a setting go.
    """

    experiment: Callable[[int], Experiment]
    report: Callable[[Report], None]
    broke: Callable[[int, Exception], None]
    folder: Callable[[int], Path]
    _executors: dict[tuple[int, str], Executor] = field(default_factory=dict, repr=False)

    def __call__(self, unit: Unit) -> None:
        """Do what the store lacks of a unit."""
        self._keep({(part.setting, part.method) for part in unit.parts})
        broken: set[int] = set()
        for part in unit.parts:
            if part.setting in broken:
                continue
            try:
                self._stored(part)
            except Exception as error:  # whatever it is, the other settings still run
                broken.add(part.setting)
                self.broke(part.setting, error)

    def _keep(self, places: set[tuple[int, str]]) -> None:
        """Let go of executors of other parts, and so of a backbone, before another is loaded."""
        for place in self._executors.keys() - places:
            del self._executors[place]

    def _stored(self, part: UnitPart) -> None:
        """A part, tried again after errors of the file system that may pass. `StorageError` where
        the disk takes no files.
        """
        with storing(self.experiment(part.setting).store.root):
            patiently(lambda: self._part(part))

    def _part(self, part: UnitPart) -> None:
        experiment = self.experiment(part.setting)
        spec = experiment.spec(part.method)
        evaluation = experiment.evaluation()
        self.report(Steps(part.setting, part.method, 0))  # it begins
        jobs, gone = _jobs(experiment, spec, part)
        if gone:
            self.report(Ended(part.setting, part.method, gone))
        made = set()
        todo = [job for job in jobs if experiment.reuse.lacks(job)]
        for outcomes in self._edits(part, experiment, spec, todo):
            evaluation.judge([(o.job, o.edit) for o in outcomes if o.edit])
            ends = [_end(outcome.job, outcome.status, outcome.reason) for outcome in outcomes]
            self.report(Ended(part.setting, part.method, ends))
            made |= {outcome.job.name for outcome in outcomes}
        self._existing(part, experiment, evaluation, [j for j in jobs if j.name not in made])

    def _edits(
        self, part: UnitPart, experiment: Experiment, spec: MethodSpec, todo: Sequence[Job]
    ) -> Iterator[list[Outcome]]:
        if not todo:
            return
        place = part.setting, part.method
        if place not in self._executors:
            self._executors[place] = experiment.executor(spec, self.folder(place[0]))
        yield from self._executors[place](todo, lambda rows: _Steps(self.report, part, rows))

    def _existing(
        self, part: UnitPart, experiment: Experiment, evaluation: Evaluation, jobs: Sequence[Job]
    ) -> None:
        """Numbers that existing edits lack; the endings of those that other processes made."""

        def judged(batch: Sequence[Job]) -> None:
            self.report(Judged(part.setting, part.method, [job.name for job in batch]))

        evaluation(jobs, judged)
        ends = []
        for job in jobs:
            record = experiment.store.look(job.key, files=False).record
            if record is not None:
                ends.append(_end(job, record.status, record.reason, made=False))
        if ends:
            self.report(Ended(part.setting, part.method, ends))


def _jobs(
    experiment: Experiment, spec: MethodSpec, part: UnitPart
) -> tuple[list[Job], list[RowEnd]]:
    """The jobs of a part, and the ends of rows that are no longer what was planned."""
    cases, setting = experiment.cases(), experiment.setting(spec)
    jobs, gone = [], []
    for row in part.rows:
        try:
            job = experiment.job(spec, setting, cases[row.id], row.seed)
            if job.name == row.name:
                jobs.append(job)
                continue
            reason = f"case {row.id}: expected the image, prompts and code of the plan; they have "
            reason += "changed since; run the command again"
        except KeyError:
            reason = f"case {row.id}: expected in the data set; it is gone; run the command again"
        except DataError as error:
            reason = str(error)
        gone.append(RowEnd(row.key, row.case, "failed", reason))
    return jobs, gone


def _end(job: Job, status: Status, reason: str, made: bool = True) -> RowEnd:
    return RowEnd(job.key, job.case.digest, status, reason, made)


@dataclass
class _Steps:
    """The progress of a batch, reported at a bounded rate."""

    report: Callable[[Report], None]
    part: UnitPart
    rows: int
    count: int = 0
    last: float = 0.0

    def step(self) -> None:
        """All edits of the batch have made a step."""
        self.count += self.rows
        if (now := time.monotonic()) - self.last > SHOWN_EVERY:
            self.report(Steps(self.part.setting, self.part.method, self.count))
            self.count, self.last = 0, now

    def prepared(self, what: str, done: int, total: int, state: str) -> None:
        """The batch is being prepared."""
        if (now := time.monotonic()) - self.last > SHOWN_EVERY or done == total:
            self.last = now
            self.report(Prepared(self.part.setting, self.part.method, what, done, total, state))
