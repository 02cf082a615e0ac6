"""What a try is, and what became of it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from malformed_tries.place import Done, Place

Verdict = Literal["clear", "accepted", "unexpected", "hang", "wrong"]
GOOD: tuple[Verdict, ...] = ("clear", "accepted")
VERDICTS: tuple[Verdict, ...] = (*GOOD, "unexpected", "hang", "wrong")
UNFORESEEN = re.compile(r"Traceback|unexpected \w+: .*traceback", re.DOTALL)
Lay = Callable[[Place], object]
Complaint = tuple[Verdict, str] | None


@dataclass(frozen=True)
class Seen:
    """A command that has ended, and the files of its folder before and after."""

    place: Place
    done: Done
    before: dict[str, str]
    after: dict[str, str]


class Expectation(Protocol):
    """What ought to become of a try."""

    @property
    def good(self) -> Verdict: ...

    def complaint(self, seen: Seen) -> Complaint: ...


@dataclass(frozen=True)
class Refused:
    """Status 1 or 2, one line with these words (a regular expression), nothing written."""

    words: str
    good: Verdict = field(default="clear", init=False)

    def complaint(self, seen: Seen) -> Complaint:
        done = seen.done
        if done.status == 0:
            return "wrong", f"taken without a word: {_short(done.err + done.out)}"
        if done.status not in (1, 2):
            return "unexpected", f"status {done.status}: {_short(done.err)}"
        lines = [line for line in done.err.splitlines() if line.startswith("ids: ")]
        if len(lines) != 1 or not done.err.endswith(f"{lines[0]}\n"):
            return "unexpected", f"expected one line; got {len(lines)}: {_short(done.err)}"
        if not lines[0].isprintable():
            return "unexpected", f"characters a terminal obeys: {lines[0]!r}"
        if not re.search(self.words, lines[0]):
            return "unexpected", f"not about {self.words!r}: {_short(lines[0])}"
        changed = [name for name in seen.after if seen.before.get(name) != seen.after[name]]
        changed += sorted(seen.before.keys() - seen.after.keys())
        return ("wrong", f"wrote {', '.join(changed[:3])}") if changed else None


@dataclass(frozen=True)
class RowRefused:
    """A row that cannot be edited costs itself: status 1, its reason in the table of the run, and
    `others` results all the same.
    """

    words: str
    others: int = 1
    good: Verdict = field(default="clear", init=False)

    def complaint(self, seen: Seen) -> Complaint:
        done = seen.done
        told = " ".join(done.out.split())
        if done.status != 1:
            return "wrong" if done.status == 0 else "unexpected", f"status {done.status}: {told}"
        if not re.search(self.words, told):
            return "unexpected", f"not about {self.words!r}: {_short(told + done.err)}"
        made = [r for r in seen.place.records() if r["status"] == "ok"]
        if len(made) != self.others:
            return "wrong", f"{len(made)} results instead of {self.others}"
        return None


@dataclass(frozen=True)
class Accepted:
    """Taken, and as it was meant: `check` says what is wrong, or nothing."""

    check: Callable[[Seen], str | None]
    status: int = 0
    good: Verdict = field(default="accepted", init=False)

    def complaint(self, seen: Seen) -> Complaint:
        if seen.done.status != self.status:
            told = _short(seen.done.err + seen.done.out)
            return "unexpected", f"status {seen.done.status}: {told}"
        fault = self.check(seen)
        return ("wrong", fault) if fault else None


@dataclass(frozen=True)
class Try:
    """Lay something out in an empty folder, give a command, see what becomes of it."""

    kind: str
    name: str
    words: Sequence[str]
    expected: Expectation
    lay: Lay = lambda place: None
    first: Callable[[], object] | None = None  # in the command's process
    seconds: float = 60  # until it counts as hanging


@dataclass(frozen=True)
class Outcome:
    verdict: Verdict
    told: str
    seconds: float = 0.0


def judge(trial: Try, place: Place) -> Outcome:
    """Try it, and hold what happened against what ought to."""
    trial.lay(place)
    before = place.files()
    done = place.ids(*trial.words, first=trial.first)
    seen = Seen(place, done, before, place.files())
    if UNFORESEEN.search(done.err + done.out):
        return Outcome("unexpected", _short(done.err + done.out))
    complaint = trial.expected.complaint(seen)
    if complaint:
        return Outcome(*complaint)
    told = next((line for line in done.err.splitlines() if line.startswith("ids: ")), "")
    return Outcome(trial.expected.good, told)


def _short(text: str) -> str:
    return " / ".join(text.split("\n"))[:600]
