"""The progress bar: edits done, the step of those under way, time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

console = Console(stderr=True)


@contextmanager
def counted(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar that is told how many more are done, and goes away at the end."""
    with Progress(console=console, transient=True, disable=not total) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n: bar.advance(task, n)


class EditProgress:
    """Counts edit steps, so that the time left is known long before the first batch ends."""

    def __init__(self, name: str, total: int, kept: int) -> None:
        self._name, self._total, self._kept, self._done = name, total, kept, 0
        self._steps, self._rows = 1, 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "EditProgress":
        if not self._total:
            console.print(f"{self._name}: nothing to do, {self._kept} edits are there already")
            return self
        self._bar.start()
        kept = f", {self._kept} kept" if self._kept else ""
        self._task = self._bar.add_task(
            f"{self._name:10}", state=f"{self._total} edits{kept}", total=None
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def batch(self, rows: int, steps: int) -> "EditProgress":
        """A batch of edits begins."""
        self._steps, self._rows = steps, rows
        if self._task is not None:
            self._bar.update(self._task, total=self._total * steps)
        return self

    def step(self) -> None:
        if self._task is not None:
            self._bar.update(self._task, advance=self._rows)

    def finished(self, reason: str) -> None:
        self._done += 1
        if reason:
            console.print(f"{self._name}: {reason}", markup=False, highlight=False, soft_wrap=True)
        if self._task is not None:
            state = f"{self._done}/{self._total} edits"
            self._bar.update(self._task, completed=self._done * self._steps, state=state)
