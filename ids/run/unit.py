"""Units of work, and what a worker reports of them: plain statements that travel as JSON.

A unit may be done twice, by any number of workers: existing results are skipped, and the first
complete one wins.
"""

from collections.abc import Container, Iterator

import msgspec
from msgspec.structs import replace

from ids.core.errors import (
    ConfigError,
    DataError,
    IdsError,
    StorageError,
    UnsupportedError,
    WeightsError,
)
from ids.core.unexpected import UnexpectedError
from ids.run.job import Job
from ids.run.records import Status


class JobRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A job: the id and digest of its case, its seed, and the key that its result will have."""

    id: str
    case: str
    seed: int | None
    key: str

    @property
    def name(self) -> tuple[str, str]:
        """As of the job."""
        return self.key, self.case


class UnitPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of one method of one setting, by its number in the sweep."""

    setting: int
    method: str
    rows: list[JobRef]


class Unit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Work for one worker, about a minute to ten. Its parts share a backbone and a data set."""

    number: int
    parts: list[UnitPart]

    @property
    def n_rows(self) -> int:
        """Number of jobs."""
        return sum(len(part.rows) for part in self.parts)

    def without(self, settings: Container[int]) -> "Unit":
        """The unit without the parts of these settings."""
        return replace(self, parts=[part for part in self.parts if part.setting not in settings])

    def lacking(self, ended: Container[tuple[int, str, str, str]]) -> "Unit":
        """The unit without rows that have ended, each given as setting, method, key and case."""
        parts = [
            replace(
                part,
                rows=[r for r in part.rows if (part.setting, part.method, *r.name) not in ended],
            )
            for part in self.parts
        ]
        return replace(self, parts=[part for part in parts if part.rows])

    def halves(self) -> "tuple[Unit, Unit]":
        """The first and the second half of its rows."""
        middle = self.n_rows // 2
        return self._rows(0, middle), self._rows(middle, self.n_rows)

    def _rows(self, first: int, last: int) -> "Unit":
        parts, start = [], 0
        for part in self.parts:
            if rows := part.rows[max(first - start, 0) : max(last - start, 0)]:
                parts.append(replace(part, rows=rows))
            start += len(part.rows)
        return replace(self, parts=parts)


class Steps(msgspec.Struct, frozen=True, tag="steps", forbid_unknown_fields=True):
    """Optimization steps of single edits have been made."""

    setting: int
    method: str
    count: int


class Prepared(msgspec.Struct, frozen=True, tag="prepared", forbid_unknown_fields=True):
    """Work that precedes the steps of an edit, such as the fit of a scene, has gone on."""

    setting: int
    method: str
    what: str
    done: int
    total: int
    state: str


class RowEnd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a row ended. `made`: did this worker make the edit? An existing one has its status in
    the store.
    """

    key: str
    case: str
    status: Status
    reason: str = ""
    made: bool = True


class Ended(msgspec.Struct, frozen=True, tag="ended", forbid_unknown_fields=True):
    """Edits have ended: their results and numbers are in the store."""

    setting: int
    method: str
    rows: list[RowEnd]


class Judged(msgspec.Struct, frozen=True, tag="judged", forbid_unknown_fields=True):
    """Stored edits have got the metrics that they lacked."""

    setting: int
    method: str
    rows: list[tuple[str, str]]  # key and case


class Broke(msgspec.Struct, frozen=True, tag="broke", forbid_unknown_fields=True):
    """An error broke a setting off. `kind` is the class of an `IdsError`."""

    setting: int
    kind: str
    message: str


class Note(msgspec.Struct, frozen=True, tag="note", forbid_unknown_fields=True):
    """A warning of a worker."""

    text: str


class Ready(msgspec.Struct, frozen=True, tag="ready", forbid_unknown_fields=True):
    """A worker has started."""


class UnitEnd(msgspec.Struct, frozen=True, tag="end", forbid_unknown_fields=True):
    """A worker has finished a unit."""

    number: int


# The most general one is last.
KINDS: list[type[IdsError]] = [ConfigError, DataError, WeightsError, UnsupportedError]
KINDS += [StorageError, UnexpectedError, IdsError]
ERRORS = {kind.__name__: kind for kind in KINDS}
Report = Steps | Prepared | Ended | Judged | Broke | Note | Ready | UnitEnd


def reference(job: Job) -> JobRef:
    """The job as a unit names it."""
    return JobRef(job.case.id, job.case.digest, job.seed, job.key)


def endings(report: Report) -> Iterator[tuple[int, str, str, str]]:
    """Setting, method, key and case of every row that a report ends."""
    if isinstance(report, Ended):
        for row in report.rows:
            yield report.setting, report.method, row.key, row.case
    elif isinstance(report, Judged):
        for key, case in report.rows:
            yield report.setting, report.method, key, case


def encode(statement: Report | Unit) -> bytes:
    """A statement as one line of JSON."""
    return msgspec.json.encode(statement) + b"\n"


def decode_report(line: bytes) -> Report:
    """The report in a line. `msgspec.MsgspecError` where it holds none."""
    report: Report = msgspec.json.decode(line, type=Report)
    return report


def broke(setting: int, error: IdsError) -> Broke:
    """The report of an error."""
    kind = next(name for name, one in ERRORS.items() if isinstance(error, one))
    return Broke(setting, kind, str(error))


def error_of(report: Broke) -> IdsError:
    """The error that was reported."""
    return ERRORS.get(report.kind, IdsError)(report.message)


def decode_unit(line: bytes) -> Unit:
    """The unit in a line. `msgspec.MsgspecError` where it holds none."""
    return msgspec.json.decode(line, type=Unit)
