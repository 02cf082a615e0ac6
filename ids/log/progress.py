"""The progress of a command: a bar for the whole sweep, one for the method under way, and
a plain line for each method that is finished. Without a terminal, the lines alone.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass
class EditProgress:
    """Edits of one method. Counts their steps, so that the time left is known long before the first
    batch ends.
    """

    bars: "RunProgress"
    task: TaskID
    label: str
    n_edits: int  # to make
    n_steps: int  # of each edit
    done: int = 0
    failed: int = 0
    steps: int = 0  # of all edits so far

    def batch(self, rows: int) -> "BatchProgress":
        """The progress of a batch: `step()` once for each step of its edits."""
        return BatchProgress(self, rows)

    def advance(self, steps: int) -> None:
        """Count steps of single edits."""
        self.steps += steps
        self.bars.advance(self.task, steps, f"{self.done}/{self.n_edits} edits")

    def finished(self, reason: str = "") -> None:
        """One edit has ended, with the reason of its failure where it failed."""
        self.done += 1
        self.failed += bool(reason)
        if reason:
            self.bars.print(f"{self.label}: {reason}")
        self.advance(max(self.done * self.n_steps - self.steps, 0))


@dataclass(frozen=True)
class BatchProgress:
    """Steps of a batch of edits side by side."""

    edits: EditProgress
    rows: int

    def step(self) -> None:
        """All edits of the batch have made a step."""
        self.edits.advance(self.rows)

    def prepared(self, what: str, done: int, total: int, state: str) -> None:
        """The batch is being prepared."""
        self.edits.bars.prepared(what, done, total, state)


class RunProgress:
    """The bars of one command. A sweep of several `settings` has a bar over all edit steps that
    `expect` has announced.
    """

    def __init__(self, settings: int = 1, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._settings, self._ended = settings, 0
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self._total, self._done = 0, 0
        self._sweep: TaskID | None = None
        self._prepared: dict[str, tuple[TaskID, float]] = {}  # task and its start, by name

    def __enter__(self) -> "RunProgress":
        self._bars.start()
        if self._settings > 1:
            self._sweep = self._bars.add_task("sweep", total=None, state=self._state())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def expect(self, steps: int) -> None:
        """Announce steps of edits to make; a negative number takes some back."""
        self._total += steps
        self._show_sweep()

    def end_setting(self) -> None:
        """A setting of the sweep has ended."""
        self._ended += 1
        self._show_sweep()

    @contextmanager
    def edits(
        self,
        label: str,
        n_edits: int,
        n_existing: int,
        n_steps: int,
        quiet: bool = False,
        setting: int = 0,
    ) -> Iterator[EditProgress]:
        """The edits of one method of a setting, by its number; then a line with their counts. A
        `quiet` method has no line where nothing is to be made.
        """
        began = time.monotonic()
        existing = f", {n_existing} existing" if n_existing else ""
        task = self._bars.add_task(
            label, total=n_edits * n_steps, state=f"{n_edits} edits{existing}", visible=n_edits > 0
        )
        edits = EditProgress(self, task, label, n_edits, n_steps)
        try:
            yield edits
        finally:
            self._bars.remove_task(task)
            self.expect(edits.steps - n_edits * n_steps)  # an error may have left some
            number = f"[{setting + 1}/{self._settings}] " if self._settings > 1 else ""
            if line := _line(edits, n_existing, time.monotonic() - began, quiet):
                self.print(number + line)

    @contextmanager
    def counted(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar for other work; call what it yields with the number of items just done."""
        task = self._bars.add_task(what, total=total, state="", visible=total > 0)
        try:
            yield lambda n: self._bars.advance(task, n)
        finally:
            self._bars.remove_task(task)

    def prepared(self, what: str, done: int, total: int, state: str) -> None:
        """The bar of work before an edit, such as a fit; at its end, a line with its `state`."""
        if what not in self._prepared:
            began = self._bars.add_task(what, total=total, completed=done, state=state)
            self._prepared[what] = began, time.monotonic()
        task, since = self._prepared[what]
        self._bars.update(task, completed=done, state=state)
        if done == total:
            self._bars.remove_task(task)
            del self._prepared[what]
            taken = f"{time.monotonic() - since:.1f} s"
            self.print(", ".join(filter(None, (f"{what}: {total} steps", state, taken))))

    def advance(self, task: TaskID, steps: int, state: str) -> None:
        """Count steps of the method under way, and of the sweep."""
        self._done += steps
        self._bars.update(task, advance=steps, state=state)
        self._show_sweep()

    def print(self, text: str) -> None:
        """A line above the bars, without markup or folding."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _state(self) -> str:
        return f"{self._ended}/{self._settings} settings"

    def _show_sweep(self) -> None:
        if self._sweep is not None:
            self._bars.update(
                self._sweep, completed=self._done, total=self._total, state=self._state()
            )


def _line(edits: EditProgress, existing: int, seconds: float, quiet: bool) -> str:
    """The line of a method that has ended; empty where a quiet one has made nothing."""
    if edits.n_edits:
        counts = [f"{edits.done} of {edits.n_edits} edits", f"{existing} existing"]
        counts += [f"{edits.failed} failed"] if edits.failed else []
        return f"{edits.label}: {', '.join(counts)}, {seconds:.1f} s"
    return "" if quiet else f"{edits.label}: nothing to do, {existing} edits exist already"


def labels_of_words(names: Sequence[str], words: Sequence[Sequence[str]]) -> list[str]:
    """A label per setting of a command: its method, and the words in which the settings differ."""
    common = set(words[0]).intersection(*words) if words else set()
    return [
        " ".join([name, *(w for w in mine if w not in common and not w.startswith("method="))])
        for name, mine in zip(names, words, strict=True)
    ]
