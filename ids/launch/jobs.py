"""Jobs of submitit as a crew: each does one unit, and writes its reports to a file."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ids.core.errors import ConfigError
from ids.launch.detached import forget, remember
from ids.launch.dispatch import Lost
from ids.launch.pool import MAX_STARTS, PATIENCE
from ids.launch.remote import open_worker
from ids.run.unit import Ready, Report, Unit, UnitEnd, decode_report, decode_unit, encode

MOST = 1000  # jobs of an array; the limit of many clusters is 1001
POLL = 1.0  # seconds between two looks at the files of running jobs
SETTLED = 5  # looks without news after which a job that has ended is lost: files may come late


@dataclass(frozen=True)
class UnitJob:
    """What a job runs. It is pickled with its names alone; the unit is JSON."""

    statement: str
    folder: str

    def __call__(self, unit: str) -> None:
        """Do a unit, and append its reports to its file."""
        one = decode_unit(unit.encode())
        with reports_file(Path(self.folder), one.number).open("ab", buffering=0) as file:
            remote = open_worker(Path(self.statement), lambda report: _append(file, report))
            _append(file, Ready())
            try:
                remote.worker()(one)
                _append(file, UnitEnd(one.number))
            finally:
                remote.close()

    def checkpoint(self, unit: str) -> Any:
        """A preempted job, or one that reaches its limit, is queued again: existing results are
        skipped.
        """
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, unit)


def reports_file(folder: Path, number: int) -> Path:
    """The reports of a unit."""
    return folder / f"unit{number}.jsonl"


def _append(file: Any, report: Report) -> None:
    os.write(file.fileno(), encode(report))


@dataclass
class _Running:
    """A submitted unit."""

    job: Any
    offset: int = 0  # bytes of its reports that were read
    ready: bool = False
    silent: int = 0  # looks without news since the job ended


@dataclass
class Jobs:
    """Jobs of one executor of submitit."""

    run: UnitJob
    executor: Any
    folder: Path
    at_a_time: int
    _running: dict[int, _Running] = field(default_factory=dict)
    _failed_starts: int = 0

    def free(self) -> int:
        """On this machine no more are started at a time. SLURM queues what cannot run yet, and each
        array has its own limit: the next one follows when the last leaves room.
        """
        left = max(self.at_a_time - len(self._running), 0)
        if self.executor.cluster == "local" or not left:
            return left
        return MOST - len(self._running)

    def give(self, units: Sequence[Unit]) -> None:
        """Submit units as one array. `ConfigError` where SLURM refuses it."""
        texts = [encode(unit).decode() for unit in units]
        try:
            jobs = self.executor.map_array(self.run, texts)
        except Exception as error:  # submitit has several classes for what sbatch answers
            reason = (str(error).strip().splitlines() or [type(error).__name__])[-1][:300]
            raise ConfigError(
                f"launch=slurm: expected a job that sbatch takes; {reason}; see launch.partition, "
                "launch.account, launch.qos, launch.gres and launch.extra"
            ) from error
        for unit, job in zip(units, jobs, strict=True):
            at = reports_file(self.folder, unit.number)
            offset = at.stat().st_size if at.exists() else 0
            self._running[unit.number] = _Running(job, offset)
        ids = [one.job.job_id for one in self._running.values()]
        remember(self.folder, self.executor.cluster, ids)  # a kill leaves jobs behind

    @property
    def n_running(self) -> int:
        """The number of jobs that are queued or running."""
        return len(self._running)

    def wait(self) -> list[Report | Lost]:
        """What running jobs have reported."""
        time.sleep(POLL)
        found: list[Report | Lost] = []
        for number, one in list(self._running.items()):
            reports = self._news(number, one)
            found += reports
            if any(isinstance(report, UnitEnd) for report in reports):
                del self._running[number]
            elif reports:
                one.silent = 0
            elif one.job.done():
                one.silent += 1
                if one.silent >= SETTLED:
                    del self._running[number]
                    found.append(self._lost(number, one))
        return found

    def stop(self) -> None:
        """Cancel the jobs that are left."""
        for one in self._running.values():
            with suppress(Exception):  # one that has just ended
                one.job.cancel(check=False)
        deadline = time.monotonic() + PATIENCE
        while self._running and time.monotonic() < deadline:
            self._running = {n: r for n, r in self._running.items() if not r.job.done()}
            time.sleep(0.1)
        if not self._running:  # else the next command looks whether they have ended
            forget(self.folder)

    def _news(self, number: int, one: _Running) -> list[Report]:
        file = reports_file(self.folder, number)
        if not file.exists():
            return []
        with file.open("rb") as stream:
            stream.seek(one.offset)
            whole = stream.read().rpartition(b"\n")[0]
        reports = []
        for line in whole.splitlines():
            with suppress(msgspec.MsgspecError):  # of a killed worker
                reports.append(decode_report(line))
        one.offset += len(whole) + bool(whole)
        one.ready |= any(isinstance(report, Ready) for report in reports)
        self._failed_starts = 0 if one.ready else self._failed_starts
        return reports

    def _lost(self, number: int, one: _Running) -> Lost:
        self._failed_starts += not one.ready
        if self._failed_starts >= MAX_STARTS:
            raise ConfigError(
                f"launch=slurm: expected jobs that start; {MAX_STARTS} ended before; see "
                f"{one.job.paths.stdout}"
            )
        return Lost(number)
