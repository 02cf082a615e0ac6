"""How far the runs of a store are: what is done, running, failed and left of every setting.

The plans of the runs list the jobs, the store answers for each. Nothing is written, and no lock of
a process at work is disturbed. Of several runs of one setting, the newest one counts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from ids.core.unexpected import parts_of
from ids.results.planned_lines import Line, Row, control_lines, method_lines
from ids.run.costs import Costs, costs_of
from ids.run.evaluate import lacks_metrics
from ids.run.outcomes import FILE, RunRecord
from ids.run.planned import PlannedSetting, read_error, read_planned, run_claim
from ids.run.reuse import is_repeated
from ids.run.sealed import Unusable, read
from ids.run.store import Store
from ids.run.sweep import DIED

State = Literal["done", "running", "failed", "left", "unsupported"]
STATES: tuple[State, ...] = get_args(State)
NOT_FINITE = "expected finite latents"  # see `ids.run.edit.FinishedEdit`


class Failure(NamedTuple):
    """A failed row; with an empty `case`, the error that broke a setting off. `kind` is the class
    of an error, or data, nan, died.
    """

    case: str
    seed: int | None
    kind: str
    reason: str
    traceback: str  # file; empty without one


@dataclass(frozen=True)
class SettingStatus:
    """The method of one setting, or a control that several settings share.

    `counts` are edits by state; rows that cannot be edited are failed. `seconds` is what running
    and left edits take with all `workers`; None where nothing alike was measured. `folder` is that
    of the setting in its newest run; `alive`: is a process at work on it?
    """

    label: str
    method: str
    dataset: str
    folder: Path
    alive: bool
    workers: int
    counts: Mapping[State, int]
    seconds: float | None
    failures: Sequence[Failure]

    @property
    def unfinished(self) -> int:
        """Number of running and left edits."""
        return self.counts["running"] + self.counts["left"]

    @property
    def is_complete(self) -> bool:
        """Is nothing running, left or failed?"""
        return not self.unfinished and not self.failures


def read_status(store: Store) -> list[SettingStatus]:
    """The status of every setting of the runs of a store: controls, then methods, in the order of
    their newest runs.
    """
    plans = list(read_planned(store.root))
    newest = {plan.identity: folder for folder, plan in plans}
    ordered = [(f, plan) for f, plan in plans if newest[plan.identity] == f]
    held = store.claims.under_way()
    runs = [_Run(_run_folder(store, f).name, one.identity, one.workers) for f, one in plans]
    alive = {run for run in runs if run_claim(Path(run.name)) in held}
    reader = _Reader(store, store.present(), held, alive, _costs(ordered, store))
    return [reader.status(line) for line in [*control_lines(ordered), *method_lines(ordered)]]


def runs_without_plan(store: Store) -> int:
    """Number of runs that cannot be counted: an earlier version made them, or none began."""
    planned = {_run_folder(store, folder) for folder, _ in read_planned(store.root)}
    return sum(run not in planned for run in store.root.glob("runs/*/"))


def _run_folder(store: Store, folder: Path) -> Path:
    runs = store.root / "runs"
    return runs / folder.relative_to(runs).parts[0]


class _Run(NamedTuple):
    """A setting of a command."""

    name: str
    identity: str
    workers: int


def _costs(plans: Iterable[tuple[Path, PlannedSetting]], store: Store) -> Costs:
    """What edits took on the device that was measured last."""
    taken = store.numbers.measurements()
    if not taken:
        return Costs()
    device = str(max(taken.values(), key=lambda record: record.taken).engine.get("device"))
    edits = (
        (part.setting, part.backbone, job.key)
        for _, plan in plans
        for part in plan.parts
        for job in part.jobs
    )
    return costs_of(edits, taken, device)


@dataclass(frozen=True)
class _Reader:
    """Answers from one look at the store: results that are `present`, claims that are `held`, and
    the commands that are `alive`.
    """

    store: Store
    present: set[str]
    held: set[str]
    alive: set[_Run]
    costs: Costs

    def status(self, line: Line) -> SettingStatus:
        """Of all jobs of a line."""
        at_work = {run.name: run for run in self.alive if run.identity in line.identities}
        alive = [run.workers for run in at_work.values()]  # a control is of several settings
        ended = _ended(line.folder)
        states = [self._state(row, bool(alive), ended) for row in line.rows]
        counts = Counter(state for state, _ in states)
        counts["failed"] += len(line.problems)
        failures = [
            _failure(row.job.id, row.job.seed, reason)
            for row, (state, reason) in zip(line.rows, states, strict=True)
            if state == "failed"
        ]
        failures += [_failure(case, None, reason) for case, reason in line.problems]
        return SettingStatus(
            line.label,
            line.method,
            line.dataset,
            line.folder,
            bool(alive) or counts["running"] > 0,
            sum(alive) or 1,
            {state: counts[state] for state in STATES},
            self._seconds(line.rows, [state for state, _ in states], sum(alive) or 1),
            failures + (_broken(line.folder) if line.is_method else []),
        )

    def _state(
        self, row: Row, alive: bool, ended: Mapping[tuple[str, str], str]
    ) -> tuple[State, str]:
        """The state of a job, and the reason of a failure."""
        plan, part, job = row
        if part.unsupported:
            return "unsupported", ""
        look = self.store.look(job.key, files=False) if job.key in self.present else None
        record = look.record if look else None
        if record and is_repeated(record, plan.force, plan.retry_failed and alive, plan.began):
            record = None
        if record and record.status == "ok":
            numbers = self.store.numbers.metrics(job.key, job.case)
            if not lacks_metrics(numbers, part.metrics):
                return "done", ""
        if job.key in self.held:
            return "running", ""
        if record and record.status == "unsupported":
            return "unsupported", ""
        if record and record.status != "ok":
            return "failed", record.reason
        if job.name in ended and record is None:
            return "failed", ended[job.name]
        return "left", ""

    def _seconds(self, rows: Sequence[Row], states: Sequence[State], workers: int) -> float | None:
        total = 0.0
        for row, state in zip(rows, states, strict=True):
            if state in ("running", "left"):
                part = row.part
                each = self.costs.seconds_of(part.setting, part.backbone, part.nfe)
                if each is None:
                    return None
                total += each
        return total / workers


def _ended(folder: Path) -> dict[tuple[str, str], str]:
    """Reasons of the failures of a run that are no result: a file that could not be read, say."""
    with suppress(Unusable):
        if (record := read(folder / FILE, RunRecord)) is not None:
            return {(o.key, o.case): o.reason for o in record.outcomes if o.status == "failed"}
    return {}


def _broken(folder: Path) -> list[Failure]:
    error = read_error(folder)
    return [_failure("", None, error.message, error.kind)] if error else []


def _failure(case: str, seed: int | None, reason: str, kind: str = "data") -> Failure:
    if found := parts_of(reason):
        return Failure(case, seed, found[0], found[1], found[2])
    if reason.startswith(DIED):
        kind = "died"
    elif reason.startswith(NOT_FINITE):
        kind = "nan"
    return Failure(case, seed, kind, reason, "")
