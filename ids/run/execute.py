"""Jobs to stored results, batch by batch. A row that fails, fails alone."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ids.core.errors import ConfigError, DataError, IdsError, UnsupportedError
from ids.core.protocols import Progress
from ids.core.records import EditCase
from ids.core.storage import patiently
from ids.core.unexpected import interrupted, unexpected
from ids.run.edit import BatchEditor, FinishedEdit, OutOfMemory, by_shape
from ids.run.engine import Engine, engine_key
from ids.run.environment import environment
from ids.run.in_memory import with_images
from ids.run.job import Job
from ids.run.memory import rows_that_fit
from ids.run.records import Status
from ids.run.session import Shape
from ids.run.store import Store

log = logging.getLogger(__name__)
MAX_ALIKE = 3  # rows that may fail one after another by errors that no row explains


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
    folder: Path | None = None  # for tracebacks; None: a temporary one
    warm: set[Shape] = field(default_factory=set)  # shapes that the backbone has run on
    _fits: dict[Shape, int] = field(default_factory=dict)  # edits at a time, by shape
    _short: set[Shape] = field(default_factory=set)  # shapes for which memory was too small
    _worked: set[Shape] = field(default_factory=set)  # shapes with a finished batch
    _errors: list[Exception] = field(default_factory=list)  # of single rows, since a batch worked

    def __call__(
        self, jobs: Sequence[Job], progress: Callable[[int], Progress]
    ) -> Iterator[list[Outcome]]:
        """One list of outcomes per batch. Its results are on disk, and stay claimed until the next
        list is requested. `progress` is made for each batch from its number of edits.
        `ConfigError` where the device runs out of memory with a single edit.
        """
        size = self.engine.most_at_once(self.edit.device)
        for batch in self.store.claims.batches(jobs, size, lambda job: job.key, self.done):
            outcomes = self._run(batch, progress)
            if self._errors and not self._worked and (len(batch) > 1 or len(jobs) == 1):
                raise self._errors[0]
            yield outcomes

    def _run(self, jobs: list[Job], progress: Callable[[int], Progress]) -> list[Outcome]:
        rows, outcomes = self._read(jobs)
        for shape, alike in by_shape(rows, lambda row: row.case).items():
            outcomes += self._split(alike, shape, progress)
        return [self._recorded(outcome) for outcome in outcomes]

    def _split(
        self, rows: list[_Row], shape: Shape, progress: Callable[[int], Progress]
    ) -> list[Outcome]:
        """Edits of images of one shape, as many side by side as fit into memory."""
        outcomes: list[Outcome] = []
        start = 0
        while start < len(rows):
            fit = self._fit(shape)
            part = rows[start : start + fit]
            try:
                outcomes += self._isolated(part, shape, progress)
            except OutOfMemory as error:
                if len(part) == 1:
                    raise ConfigError(str(error)) from error
                self._fits[shape] = len(part) // 2
                self._short.add(shape)
                n, fit = len(part), self._fits[shape]
                log.warning("out of memory with %d edits at a time: taking %d", n, fit)
                continue
            start += len(part)
        return outcomes

    def _fit(self, shape: Shape) -> int:
        return self._fits.get(shape, self.engine.first_at_once(self.edit.device))

    def _learn(self, shape: Shape, rows: int, peak: float) -> None:
        """Take as many edits at a time as a finished batch leaves room for, where that is left to
        the engine; a size at which memory was too small is never taken again.
        """
        if self.engine.batch_size == "auto" and shape not in self._short:
            most = self.engine.most_at_once(self.edit.device)
            self._fits[shape] = rows_that_fit(self.edit.device, peak, rows, most)

    def _isolated(
        self, rows: list[_Row], shape: Shape, progress: Callable[[int], Progress]
    ) -> list[Outcome]:
        """Edits side by side. Where an error ends them, each half is tried alone, down to the row
        that causes it. An error of every row is one of the setting, and raised.
        """
        try:
            return self._edited(rows, shape, progress(len(rows)))
        except OutOfMemory:
            raise
        except DataError as error:
            if len(rows) == 1:
                return [Outcome(rows[0].job, "failed", str(error))]
        except Exception as error:  # whatever a rule or a library raises
            if interrupted(error) or isinstance(error, OSError | IdsError):
                raise
            if len(rows) == 1:
                return [self._poisoned(rows[0], error)]
        middle = len(rows) // 2
        halves = rows[:middle], rows[middle:]
        return [one for half in halves for one in self._isolated(half, shape, progress)]

    def _poisoned(self, row: _Row, error: Exception) -> Outcome:
        """The end of a row that alone raises an error. Raised where rows fail one after another."""
        self._errors.append(error)
        if len(self._errors) >= MAX_ALIKE:
            raise error
        return Outcome(
            row.job, "failed", str(unexpected(error, self.folder)), stored=bool(self._worked)
        )

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
                row = _Row(job, patiently(partial(with_images, job.case)))
            except DataError as error:  # the file has changed since the survey
                failed.append(Outcome(job, "failed", str(error), stored=False))
                continue
            try:
                self.edit.check(row.case)
                rows.append(row)
            except IdsError as error:
                failed.append(Outcome(job, "failed", str(error)))
        return rows, failed

    def _edited(self, rows: list[_Row], shape: Shape, progress: Progress) -> list[Outcome]:
        """Edits of images of one shape, side by side."""
        cold = self.edit.editor.n_ticks > 0 and shape not in self.warm  # no ticks: no network
        seeds = [row.job.seed or 0 for row in rows]
        try:
            batch = self.edit([row.case for row in rows], seeds, progress, warm_up=cold)
        except UnsupportedError as error:
            return [Outcome(row.job, "unsupported", str(error)) for row in rows]
        if cold:  # a warm-up may have run out of memory
            self.warm.add(shape)
        self._worked.add(shape)
        self._errors.clear()
        engine = replace(self.engine, batch_size=self._fit(shape)).describe(self.edit.device)
        self._learn(shape, len(rows), batch.measurement.peak_bytes)
        # The measurement first: a job counts as done once its result exists.
        name, keys = engine_key(engine), [row.job.key for row in rows]
        taken = batch.measurement
        patiently(lambda: self.store.numbers.put_measurement(name, engine, keys, taken))
        return [
            patiently(partial(self._put, row.job, edit, engine))
            for row, edit in zip(rows, batch.edits, strict=True)
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
