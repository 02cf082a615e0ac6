"""Jobs to stored results, batch by batch. A row that fails, fails alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ids.core.errors import DataError, IdsError, UnsupportedError
from ids.core.protocols import Progress
from ids.core.records import EditCase
from ids.run.edit import BatchEditor, FinishedEdit, by_shape
from ids.run.engine import Engine, engine_key
from ids.run.environment import environment
from ids.run.in_memory import with_images
from ids.run.job import Job
from ids.run.records import Status
from ids.run.store import Store


@dataclass(frozen=True)
class Outcome:
    """How a job ended. `edit` is the edit in memory, where this process has just finished it;
    `stored` is False where the failure is not one of the edit itself.
    """

    job: Job
    status: Status
    reason: str = ""
    edit: FinishedEdit | None = None
    stored: bool = True


class _Row(NamedTuple):
    """A job whose images are in memory."""

    job: Job
    case: EditCase


@dataclass(frozen=True)
class Executor:
    """Runs the jobs of one setting. `done` is called right before a job starts, because another
    process may have finished it; `replace` overwrites existing results.
    """

    edit: BatchEditor
    engine: Engine
    store: Store
    done: Callable[[Job], bool]
    replace: bool = False
    _warm: set[tuple[int, ...]] = field(default_factory=set)  # image shapes that have run already

    def __call__(
        self, jobs: Sequence[Job], progress: Callable[[int], Progress]
    ) -> Iterator[list[Outcome]]:
        """One list of outcomes per batch. Its results are on disk, and stay claimed until the next
        list is requested. `progress` is made for each batch from its number of edits.
        `ConfigError` where the device runs out of memory.
        """
        size = self.engine.batch_size
        for batch in self.store.claims.batches(jobs, size, lambda job: job.key, self.done):
            yield self._run(batch, progress)

    def _run(self, jobs: list[Job], progress: Callable[[int], Progress]) -> list[Outcome]:
        rows, outcomes = self._read(jobs)
        for shape, alike in by_shape(rows, lambda row: row.case).items():
            outcomes += self._edited(alike, shape, progress(len(alike)))
        return [self._recorded(outcome) for outcome in outcomes]

    def _recorded(self, outcome: Outcome) -> Outcome:
        """The outcome, with a failure stored where it is one of the edit itself."""
        if outcome.status == "ok" or not outcome.stored:
            return outcome
        if self.store.put_failure(outcome.job, outcome.status, outcome.reason):
            return outcome
        return replace(outcome, reason=f"{outcome.reason}; the earlier result stays")

    def _read(self, jobs: list[Job]) -> tuple[list[_Row], list[Outcome]]:
        """Jobs with their images. A case that cannot be read fails alone."""
        rows, failed = [], []
        for job in jobs:
            try:
                row = _Row(job, with_images(job.case))
            except DataError as error:  # the file has changed since the survey
                failed.append(Outcome(job, "failed", str(error), stored=False))
                continue
            try:
                self.edit.check(row.case)
                rows.append(row)
            except IdsError as error:
                failed.append(Outcome(job, "failed", str(error)))
        return rows, failed

    def _edited(
        self, rows: list[_Row], shape: tuple[int, ...], progress: Progress
    ) -> list[Outcome]:
        """Edits of images of one shape, side by side."""
        cold = shape not in self._warm
        self._warm.add(shape)
        seeds = [row.job.seed or 0 for row in rows]
        try:
            batch = self.edit([row.case for row in rows], seeds, progress, warm_up=cold)
        except UnsupportedError as error:
            return [Outcome(row.job, "unsupported", str(error)) for row in rows]
        except DataError as error:
            return [Outcome(row.job, "failed", str(error)) for row in rows]
        engine = self.engine.describe(self.edit.device)
        # The measurement first: a job counts as done once its result exists.
        self.store.numbers.put_measurement(
            engine_key(engine), engine, [row.job.key for row in rows], batch.measurement
        )
        return [
            self._put(row.job, edit, engine) for row, edit in zip(rows, batch.edits, strict=True)
        ]

    def _put(self, job: Job, edit: FinishedEdit, engine: Mapping[str, str | int]) -> Outcome:
        if edit.problem:
            return Outcome(job, "failed", edit.problem)
        self.store.sources.put(job.source_name, edit.edited.z_src)
        self.store.put(
            job,
            edit.edited,
            edit.curves,
            edit.states,
            environment(engine),
            self.replace,
            self.edit.keep_every,
        )
        return Outcome(job, "ok", edit=edit)
