"""A try of the command: its input, the expected outcome and the verdict."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from malformed_tries.place import Done, Place

Verdict = Literal["clear", "accepted", "unexpected", "hang", "wrong"]
GOOD: tuple[Verdict, ...] = ("clear", "accepted")
VERDICTS: tuple[Verdict, ...] = (*GOOD, "unexpected", "hang", "wrong")
UNFORESEEN = re.compile(r"Traceback|unexpected \w+: .*traceback", re.DOTALL)
Setup = Callable[[Place], object]
Complaint = tuple[Verdict, str] | None


@dataclass(frozen=True)
class Seen:
    """A finished command, and the files of its folder before and after it."""

    place: Place
    done: Done
    before: dict[str, str]
    after: dict[str, str]


class Expectation(Protocol):
    """The expected outcome of a try."""

    @property
    def good(self) -> Verdict: ...

    def complaint(self, seen: Seen) -> Complaint: ...


@dataclass(frozen=True)
class Refused:
    """Status 1 or 2, one line that matches `words` (a regular expression), nothing written."""

    words: str
    good: Verdict = field(default="clear", init=False)

    def complaint(self, seen: Seen) -> Complaint:
        done = seen.done
        if done.status == 0:
            return "wrong", f"accepted without an error: {_short(done.err + done.out)}"
        if done.status not in (1, 2):
            return "unexpected", f"status {done.status}: {_short(done.err)}"
        lines = [line for line in done.err.splitlines() if line.startswith("ids: ")]
        if len(lines) != 1 or not done.err.endswith(f"{lines[0]}\n"):
            return "unexpected", f"expected one line; got {len(lines)}: {_short(done.err)}"
        if not lines[0].isprintable():
            return "unexpected", f"control characters: {lines[0]!r}"
        if not re.search(self.words, lines[0]):
            return "unexpected", f"expected {self.words!r}; got {_short(lines[0])}"
        changed = [name for name in seen.after if seen.before.get(name) != seen.after[name]]
        changed += sorted(seen.before.keys() - seen.after.keys())
        return ("wrong", f"wrote {', '.join(changed[:3])}") if changed else None


@dataclass(frozen=True)
class RowRefused:
    """One row is refused: status 1, its reason in the table of the run, and `others` results of
    the other rows.
    """

    words: str
    others: int = 1
    good: Verdict = field(default="clear", init=False)

    def complaint(self, seen: Seen) -> Complaint:
        done = seen.done
        table = " ".join(done.out.split())
        if done.status != 1:
            return "wrong" if done.status == 0 else "unexpected", f"status {done.status}: {table}"
        if not re.search(self.words, table):
            return "unexpected", f"expected {self.words!r}; got {_short(table + done.err)}"
        results = [r for r in seen.place.records() if r["status"] == "ok"]
        if len(results) != self.others:
            return "wrong", f"{len(results)} results instead of {self.others}"
        return None


@dataclass(frozen=True)
class Accepted:
    """Accepted with the right result: `check` returns what is wrong, or None."""

    check: Callable[[Seen], str | None]
    status: int = 0
    good: Verdict = field(default="accepted", init=False)

    def complaint(self, seen: Seen) -> Complaint:
        if seen.done.status != self.status:
            printed = _short(seen.done.err + seen.done.out)
            return "unexpected", f"status {seen.done.status}: {printed}"
        fault = self.check(seen)
        return ("wrong", fault) if fault else None


@dataclass(frozen=True)
class Try:
    """`ids WORDS` in a folder that `setup` has filled, and its expected outcome."""

    kind: str
    name: str
    words: Sequence[str]
    expected: Expectation
    setup: Setup = lambda place: None
    first: Callable[[], object] | None = None  # called in the command's process
    seconds: float = 60  # time limit


@dataclass(frozen=True)
class Outcome:
    verdict: Verdict
    message: str
    seconds: float = 0.0


def judge(trial: Try, place: Place) -> Outcome:
    """Run a try and compare its outcome with the expected one."""
    trial.setup(place)
    before = place.files()
    done = place.ids(*trial.words, first=trial.first)
    seen = Seen(place, done, before, place.files())
    if UNFORESEEN.search(done.err + done.out):
        return Outcome("unexpected", _short(done.err + done.out))
    complaint = trial.expected.complaint(seen)
    if complaint:
        return Outcome(*complaint)
    message = next((line for line in done.err.splitlines() if line.startswith("ids: ")), "")
    return Outcome(trial.expected.good, message)


def _short(text: str) -> str:
    return " / ".join(text.split("\n"))[:600]
