"""One run of one logger: what it lacks of a setting is read from the store and logged."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from ids.core.logs import Logger, LogRun, RunInfo
from ids.core.records import digest_of
from ids.results.catalog import Entry
from ids.track.content import cases_table, curves_table, points, summary
from ids.track.curves import MeanCurves
from ids.track.scrub import scrub
from ids.track.sent import CURVE, Place, Sent, edit_name, read_sent, states_digest
from ids.track.tracked import Name, Tracked


@dataclass
class Feed:
    """A setting on its way to a logger. `ended` are edits that have a result (True) or failed.
    `changed`: has this command work for the setting? If not, a run that is complete stays closed.
    While another process logs the setting, nothing is logged here.
    """

    tracked: Tracked
    logger: Logger
    ended: dict[Name, bool] = field(default_factory=dict)
    changed: bool = True
    logged: int = 0  # edits, by this feed
    _sent: Sent | None = None
    _run: LogRun | None = None
    _intact: bool = True  # has every point been handed over that was announced?
    _claim: ExitStack = field(default_factory=ExitStack)
    _next_tables: int = 1  # edits in the run at which its tables are logged again
    _tabled: str = ""  # digest of the edits in the tables as they were logged last
    _curves: MeanCurves = field(init=False)

    def __post_init__(self) -> None:
        self._curves = MeanCurves(self.tracked.store)

    def open(self) -> LogRun | None:
        """The open run; None while another process logs this setting."""
        if self._run is not None or (sent := self._claimed()) is None:
            return self._run
        config = scrub(self.tracked.config())
        digest, one = digest_of(config), self.tracked
        given = {} if digest == sent.config else config
        info = RunInfo(sent.run, one.name, one.label, one.group, one.kind, given, sent.next_place)
        self._run = self.logger.open(info)
        self._log_again(self._run, sent)
        self._next_tables = 2 * len(sent.results) or 1
        sent.config = digest
        self._write(sent)
        return self._run

    def rows(self, ended: Mapping[Name, bool]) -> None:
        """Log edits that have ended, and the progress; the tables each time that the number of
        edits has doubled.
        """
        self.ended |= ended
        if (run := self.open()) is None or (sent := self._sent) is None:
            return
        self._log_rows(run, sent, self.tracked.entries([name for name, ok in ended.items() if ok]))
        if len(sent.results) >= self._next_tables:
            self._next_tables = 2 * len(sent.results)
            done = [name for name in self.tracked.names if self.ended.get(name)]
            self._log_tables(run, self.tracked.entries(done))
            self._write(sent)

    def complete(self) -> bool:
        """Log everything that the run lacks, its tables and its summary, and close it. False where
        another process logs this setting.
        """
        if (sent := self._claimed()) is None:
            return False
        announced = sent.announced(self.tracked.rows)
        whole = sent.complete == self.tracked.jobs and not announced
        if self.changed or self._run is not None or not whole:
            entries = self.tracked.entries(self.tracked.names)
            if entries and (not sent.complete or announced or sent.differs(entries)):
                self._complete(sent, entries)
            sent.complete = self.tracked.jobs
            if self._run is None or not self._run.numbered:
                self._write(sent)
        self.close()
        return True

    def close(self) -> None:
        """Close the run; another command may continue it."""
        run, sent = self._run, self._sent
        try:
            if run is not None:
                run.finish()
                if sent is not None and run.numbered and self._intact:
                    announced = sent.announced(self.tracked.rows)
                    sent.unconfirmed = sorted({*sent.unconfirmed} - {*announced})
                    self._write(sent)
        finally:
            self._run, self._sent = None, None
            self._claim.close()

    def _log_again(self, run: LogRun, sent: Sent) -> None:
        """Points that an earlier command announced and may not have delivered, each in its place.
        One of an edit that is gone, or was made again, has no successor: it is forgotten.
        """
        if not (announced := sent.announced(self.tracked.rows)):
            return
        edits, curves = self._edit_points(sent, announced), self._curve_points(announced)
        last = run.points
        with self._handing_over():
            for place, name, step in announced:
                values = curves.get(step) if name == CURVE else edits.get(name)
                if values is not None:
                    run.points = place
                    run.scalars("curve" if name == CURVE else "edit", step, values)
        run.points = last

    def _edit_points(self, sent: Sent, places: Sequence[Place]) -> dict[str, dict[str, float]]:
        """The points of the edits among them that are as they were announced, by EDIT/CASE."""
        names = [name.partition("/") for _, name, _ in places if name != CURVE]
        edits = self.tracked.entries([(key, case) for key, _, case in names])
        lacks = {edit_name(edit) for edit in sent.lacks(edits)}
        known = [edit for edit in edits if edit_name(edit) not in lacks]
        values = points(known, self.tracked.store) if known else []
        return {edit_name(edit): of for edit, of in zip(known, values, strict=True)}

    def _curve_points(self, places: Sequence[Place]) -> dict[int, dict[str, float]]:
        """The points of the mean curves, by step, if any of these places is one."""
        if not any(name == CURVE for _, name, _ in places):
            return {}
        self._curves.add(every := self.tracked.entries(self.tracked.names))
        return dict(enumerate(self._curves.means(every), start=1))

    @contextmanager
    def _handing_over(self) -> Iterator[None]:
        """The run is not intact where announced points end in an error."""
        self._intact = False
        yield
        self._intact = True

    def _complete(self, sent: Sent, entries: Sequence[Entry]) -> None:
        if (run := self.open()) is None:
            return
        names = {(entry.record.key, entry.row.case): True for entry in entries}
        self.ended = dict.fromkeys(self.ended, False) | names
        self._log_rows(run, sent, entries)
        curves = self._log_tables(run, entries)
        if not sent.curves:
            if run.numbered:
                places = enumerate(range(1, len(curves) + 1), start=run.points)
                sent.unconfirmed += [(place, CURVE, step) for place, step in places]
                sent.curves = True
                self._write(sent)
            with self._handing_over():
                for step, values in enumerate(curves, start=1):
                    run.scalars("curve", step, values)
        sent.curves = True
        sent.add(entries)
        run.summary(summary(entries, self.tracked.store) | self._progress())

    def _log_rows(self, run: LogRun, sent: Sent, entries: Sequence[Entry]) -> None:
        """A point per edit that the run lacks, then one of the progress."""
        new = sent.lacks(entries)
        self._curves.add(new)
        if new:
            first, values = len(sent.results), points(new, self.tracked.store)
            if run.numbered:
                sent.expect(run.points, new)
                self._write(sent, new)
            with self._handing_over():
                for step, numbers in enumerate(values, start=first):
                    run.scalars("edit", step, numbers)
            sent.add(new)
            sent.complete = ""
            self.logged += len(new)
        if new or len(entries) < len(self.ended):
            run.scalars("progress", len(self.ended), self._progress())
            self._write(sent)

    def _log_tables(self, run: LogRun, entries: Sequence[Entry]) -> list[dict[str, float]]:
        """The tables of cases and curves, unless the run has just got them; the mean curves."""
        self._curves.add(entries)
        curves = self._curves.means(entries)
        if (tabled := states_digest(entries)) != self._tabled:
            self._tabled = tabled
            run.table("cases", *cases_table(self.tracked, entries, self.logger.pace))
            if curves:
                run.table("curves", *curves_table(curves))
        return curves

    def _progress(self) -> dict[str, float]:
        done, all_ended = sum(self.ended.values()), len(self.ended)
        left = len(self.tracked.names) - all_ended
        return {"done": float(done), "failed": float(all_ended - done), "left": float(left)}

    def _claimed(self) -> Sent | None:
        """The record of the run, read under its lock; None while another process holds it."""
        if self._sent is None:
            kind = type(self.logger).__name__
            lock = f"mirror-{kind}-{self.tracked.place}"
            if self._claim.enter_context(self.tracked.store.claims.held(lock)):
                self._sent = read_sent(self.tracked, kind, self.logger.destination)
            else:
                self._claim.close()
        return self._sent

    def _write(self, sent: Sent, new: Sequence[Entry] = ()) -> None:
        sent.points = self._run.points if self._run is not None else sent.points
        sent.add(new)
        sent.write()
