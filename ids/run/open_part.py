"""A part of a plan under way: what is left of it, and its progress."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from ids.log.progress import EditProgress, RunProgress
from ids.run.plan import Name, Part
from ids.run.unit import Ended, Judged


@dataclass
class OpenPart:
    """Counts the reports of one part. `is_method`: controls have a line only where edits are
    made.
    """

    part: Part
    progress: RunProgress
    label: str  # of the setting
    is_method: bool
    _edits_left: set[Name] = field(default_factory=set)
    _judged_left: set[Name] = field(default_factory=set)
    _edits: EditProgress | None = None
    _count: Callable[[int], None] | None = None
    _contexts: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        if not self.part.unsupported:
            self._edits_left = {job.name for job in self.part.edits}
            self._judged_left = {job.name for job in self.part.judged}

    @property
    def left(self) -> bool:
        """Is anything left to be done?"""
        return bool(self._edits_left or self._judged_left)

    @property
    def is_open(self) -> bool:
        """Has a worker begun it?"""
        return self._edits is not None

    @property
    def n_steps(self) -> int:
        """Steps of the edits that were left when the plan was made."""
        return len(self._edits_left) * self._steps_each

    @property
    def _steps_each(self) -> int:
        return max(self.part.spec.editor.n_ticks, 1)

    def open(self) -> EditProgress:
        """Its progress, shown from now on."""
        if self._edits is None:
            n_edits = 0 if self.part.unsupported else len(self.part.edits)
            self._edits = self._contexts.enter_context(
                self.progress.edits(
                    self.label if self.is_method else self.part.spec.name,
                    n_edits,
                    len(self.part.jobs) - len(self.part.edits),
                    self._steps_each,
                    quiet=not self.is_method or bool(self.part.unsupported),
                    setting=self.part.setting,
                )
            )
        return self._edits

    def steps(self, count: int) -> None:
        """Steps of single edits have been made."""
        self.open().advance(count)

    def end(self, report: Ended | Judged) -> None:
        """Rows have ended, or have got their metrics."""
        if isinstance(report, Judged):
            names = {(key, case) for key, case in report.rows}
            if self.part.judged:
                self._counted(len(names & self._judged_left))
            self._judged_left -= names
            return
        for row in report.rows:
            if (row.key, row.case) in self._edits_left:
                self._edits_left.remove((row.key, row.case))
                self.open().finished(row.reason if row.status == "failed" else "")
            self._judged_left.discard((row.key, row.case))

    def close(self) -> None:
        """Print its line."""
        self.open()
        self._contexts.close()

    def _counted(self, count: int) -> None:
        """Advance the bar of metrics alone."""
        if self._count is None:
            name, total = f"{self.part.spec.name}: metrics", len(self.part.judged)
            self._count = self._contexts.enter_context(self.progress.counted(name, total))
        self._count(count)
