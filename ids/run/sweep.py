"""A sweep from its plan to finished settings: the side of the parent.

Workers report; the parent alone counts, prints, publishes manifests and informs its follower.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from ids.core.errors import IdsError
from ids.core.storage import storage_error
from ids.core.unexpected import interrupted, line
from ids.log.progress import RunProgress
from ids.run.cut import Bounds
from ids.run.execute import Outcome
from ids.run.experiment import Experiment
from ids.run.follower import UNFOLLOWED, Follower
from ids.run.job import Job
from ids.run.open_part import OpenPart
from ids.run.outcomes import write_outcomes
from ids.run.plan import Known, Name, Part, Plan, plan_sweep
from ids.run.planned import write_error, write_planned
from ids.run.unit import Broke, Ended, Judged, Note, Prepared, Report, RowEnd, Steps, Unit, error_of
from ids.run.units import cut_plan

DIED = "the process died; too little memory, or a fault of a library; see the logs of this run"
# Does units, and reports to the sweep. True: plan again, since others have made results.
Do = Callable[["Sweep", Iterator[Unit]], bool]


@dataclass
class Sweep:
    """The settings of a command by their numbers, each with a folder for its outcomes and a label.
    `errors` are those that broke a setting off, `outcomes` how every edit ended.
    """

    experiments: Mapping[int, Experiment]
    folders: Mapping[int, Path]
    labels: Mapping[int, str]
    progress: RunProgress
    bounds: Bounds = field(default_factory=Bounds)
    follower: Follower = UNFOLLOWED
    errors: dict[int, Exception] = field(default_factory=dict)
    outcomes: dict[int, list[Outcome]] = field(default_factory=dict)
    _ended: set[int] = field(default_factory=set)
    _found: dict[Name, Known] = field(default_factory=dict)
    _parts: list[OpenPart] = field(default_factory=list)  # of the plan, in order
    _by_name: dict[tuple[int, str], OpenPart] = field(default_factory=dict)

    def run(self, do: Do) -> None:
        """Plan, have the units done, and finish every setting. What a setting that broke off would
        have made for others is planned again.
        """
        pending = dict(self.experiments)
        try:
            while pending:
                self._begin(plan_sweep(pending))
                self.follower.begin([place.part for place in self._parts])
                units = cut_plan([p.part for p in self._parts], self.experiments, self.bounds)
                again = bool(units) and do(self, self._remaining(units))
                self._settle()
                left = {n: one for n, one in pending.items() if n not in self._ended}
                if len(left) == len(pending) and not again:
                    break
                pending = left
        finally:
            for place in self._parts:
                self._finish(place, place.is_open, whole=False)

    def report(self, report: Report) -> None:
        """Take a report of a worker."""
        match report:
            case Broke():
                return self.broke(report.setting, error_of(report))
            case Note():
                return next(iter(self.experiments.values())).session.warn_once(report.text)
            case Steps() | Prepared() | Ended() | Judged() if place := self._place(report):
                self._count(place, report)
        return None

    def died(self, unit: Unit) -> None:
        """Rows that ended every worker that tried them: recorded as failed."""
        for part in unit.parts:
            place = self._by_name[part.setting, part.method]
            store, rows = self.experiments[part.setting].store, []
            jobs = {job.name: job for job in place.part.jobs}
            for row in part.rows:
                store.put_failure(jobs[row.name], "failed", DIED)
                record = store.look(row.key, files=False).record
                status = record.status if record else "failed"  # its metrics alone may be missing
                rows.append(RowEnd(row.key, row.case, status, DIED if status == "failed" else ""))
            self.report(Ended(part.setting, part.method, rows))

    def broke(self, setting: int, error: Exception) -> None:
        """An error breaks a setting off, a full disk the sweep: what was made so far stays."""
        refused = storage_error(error, self.experiments[setting].store.root)
        if refused or interrupted(error):
            raise refused or error
        if setting not in self.errors:
            write_error(self.folders[setting], error)
        self.errors.setdefault(setting, error)
        self._advance()

    def _place(self, report: Steps | Prepared | Ended | Judged) -> OpenPart | None:
        return self._by_name.get((report.setting, report.method))

    def _count(self, place: OpenPart, report: Steps | Prepared | Ended | Judged) -> None:
        if not place.is_open:
            self.follower.began(place.part)
        place.open()
        if isinstance(report, Steps):
            place.steps(report.count)
            return
        if isinstance(report, Prepared):
            self.progress.prepared(report.what, report.done, report.total, report.state)
            return
        if isinstance(report, Ended):
            experiment = self.experiments[report.setting]
            experiment.session.publish(experiment.survey(), experiment.store)
            for row in report.rows:
                self._found[row.key, row.case] = Known(row.status, row.reason)
            ended = {(row.key, row.case): row.status == "ok" for row in report.rows}
            self.follower.ended(place.part, ended)
        place.end(report)
        self._advance()

    def _remaining(self, units: Sequence[Unit]) -> Iterator[Unit]:
        """Units that are still to be done when a worker is free."""
        for unit in units:
            if (rest := unit.without(self.errors)).parts:
                yield rest

    def _begin(self, plan: Plan) -> None:
        self._write(plan)
        self._announce(plan)
        self.errors.update(plan.errors)
        self._ended |= plan.errors.keys()
        for part in plan.parts:
            if part.unsupported:
                self._refuse(part)
        self._parts = [
            OpenPart(part, self.progress, self.labels[part.setting], self._is_method(part))
            for part in plan.parts
        ]
        self._by_name = {(p.part.setting, p.part.spec.name): p for p in self._parts}
        for part in plan.parts:
            self.outcomes.pop(part.setting, None)
        self.progress.expect(sum(place.n_steps for place in self._parts))

    def _announce(self, plan: Plan) -> None:
        """Name what keeps settings from beginning, before the others: they may take hours."""
        if any(part.todo for part in plan.parts):
            for number, error in plan.errors.items():
                if isinstance(error, IdsError):
                    self.experiments[number].session.warn_once(line(error))

    def _write(self, plan: Plan) -> None:
        """Write what other processes read to follow the sweep."""
        listed: dict[int, list[Part]] = {number: [] for number in plan.errors}
        for part in plan.parts:
            listed.setdefault(part.setting, []).append(part)
        for n, parts in listed.items():
            write_planned(self.folders[n], self.experiments[n], parts, self.bounds.workers)
        for number, error in plan.errors.items():
            write_error(self.folders[number], error)

    def _refuse(self, part: Part) -> None:
        """Record that the backbone of a setting cannot run a method."""
        store = self.experiments[part.setting].store
        for job in part.edits:
            if store.put_failure(job, "unsupported", part.unsupported):
                self._found[job.name] = Known("unsupported", part.unsupported)

    def _is_method(self, part: Part) -> bool:
        return part.spec is self.experiments[part.setting].method

    def _advance(self) -> None:
        """Finish parts in the order of the plan, as far as they have ended."""
        while self._parts and self._has_ended(self._parts[0]):
            self._finish(self._parts.pop(0))

    def _settle(self) -> None:
        """No worker is left: finish the settings that have ended. Others lack what a broken setting
        would have made for them.
        """
        rest, self._parts = self._parts, []
        for _, places in groupby(rest, lambda place: place.part.setting):
            if all(map(self._has_ended, listed := list(places))):
                for place in listed:
                    self._finish(place)

    def _finish(self, place: OpenPart, known: bool = True, whole: bool = True) -> None:
        """Close a part: its line, its outcomes, the follower; with the last part, the setting."""
        part, number = place.part, place.part.setting
        if number in self.errors and not place.is_open:
            known = False  # it has not begun
        if known:
            place.close()
            ended = [self._outcome(part, job) for job in part.jobs]
            shown = {"ok", "failed"} | ({"unsupported"} if self._is_method(part) else set())
            outcomes = self.outcomes.setdefault(number, [])
            outcomes += [one for one in ended if one and one.status in shown]
            if whole and number not in self.errors:
                self.follower.finished(part)
        if self._is_method(part):
            self._end(number)

    def _end(self, number: int) -> None:
        self._ended.add(number)
        self.progress.end_setting()
        if outcomes := self.outcomes.get(number):
            experiment = self.experiments[number]
            seen = experiment.survey()
            experiment.session.publish(seen, experiment.store)
            write_outcomes(self.folders[number], experiment.method.name, outcomes, seen.manifest)

    def _outcome(self, part: Part, job: Job) -> Outcome | None:
        """How a job ended; None where nothing is stored."""
        known = self._known(part, job.name)
        if known is None:
            record = self.experiments[part.setting].store.look(job.key, files=False).record
            known = Known(record.status, record.reason) if record else None
        return known and Outcome(job, known.status, known.reason)

    def _has_ended(self, place: OpenPart) -> bool:
        if place.part.setting in self.errors:
            return True
        return not place.left and all(self._known(place.part, job.name) for job in place.part.jobs)

    def _known(self, part: Part, name: Name) -> Known | None:
        return self._found.get(name) or part.known.get(name)
