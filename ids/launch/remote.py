"""The worker's side of every launcher but `here`: units in, reports out."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ids.core.errors import IdsError
from ids.core.unexpected import interrupted, unexpected
from ids.launch.statement import Settings, read_statement
from ids.run.unit import Note, Report, broke
from ids.run.work import Worker


@dataclass(frozen=True)
class RemoteWorker:
    """Does units in a process without a terminal: errors and warnings are reports, too."""

    settings: Settings
    report: Callable[[Report], None]

    def worker(self) -> Worker:
        """Does units, and keeps what it has loaded."""
        return Worker(self.settings, self.report, self._broke, self.settings.folder)

    def close(self) -> None:
        """Remove unfinished files."""
        for experiment in self.settings.built.values():
            experiment.store.close()

    def _broke(self, setting: int, error: Exception) -> None:
        if interrupted(error):
            raise error
        known = error if isinstance(error, IdsError) else None
        self.report(broke(setting, known or unexpected(error, self.settings.folder(setting))))


def open_worker(statement: Path, report: Callable[[Report], None]) -> RemoteWorker:
    """A worker of the settings in that file. Its warnings are reported."""
    logging.basicConfig(handlers=[_Notes(report)], level=logging.WARNING, force=True)
    return RemoteWorker(read_statement(statement), report)


class _Notes(logging.Handler):
    """Warnings as reports."""

    def __init__(self, report: Callable[[Report], None]) -> None:
        super().__init__(logging.WARNING)
        self.send = report

    def emit(self, record: logging.LogRecord) -> None:
        self.send(Note(record.getMessage()))
