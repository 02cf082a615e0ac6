"""What a logger has, remembered in the store: nothing is logged twice."""

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ids.core.records import digest_of
from ids.results.catalog import Entry
from ids.run.records import Mirrored
from ids.run.sealed import Unusable, read, seal
from ids.run.store import Store
from ids.track.tracked import Tracked

CURVE = "curve"  # instead of an edit
Place = tuple[int, str, int]  # of a point: its number, EDIT/CASE or CURVE, its step


@dataclass
class Sent:
    """The record of one run of a logger. It is written after the points that it counts: what a
    killed command sent last is sent again, with the same steps. To a tracker that numbers its
    points, every point is sent again until its run was closed: `unconfirmed` is written before.
    """

    store: Store
    path: Path
    run: str
    points: int = 0
    config: str = ""
    curves: bool = False
    complete: str = ""
    unconfirmed: list[Place] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)  # EDIT/CASE -> TIME/METRICS

    def lacks(self, entries: Sequence[Entry]) -> list[Entry]:
        """The edits that the run has no point of; one that was made again is another."""
        return [
            e for e in entries if _made(self.results.get(edit_name(e), "")) != str(e.record.made)
        ]

    def differs(self, entries: Sequence[Entry]) -> bool:
        """Does any edit, or any of its metrics, not belong to what the run has?"""
        return any(self.results.get(edit_name(e)) != _state(e) for e in entries)

    def add(self, entries: Sequence[Entry]) -> None:
        """These edits are in the run now."""
        self.results |= {edit_name(entry): _state(entry) for entry in entries}

    @property
    def next_place(self) -> int:
        """Behind all points, those that a killed command has announced included."""
        return max([self.points, *(place + 1 for place, _, _ in self.unconfirmed)])

    def announced(self, rows: Collection[str]) -> list[Place]:
        """The unconfirmed points of the edits of these rows, and of the curves."""
        return sorted(
            place
            for place in self.unconfirmed
            if place[1] == CURVE or place[1].partition("/")[2] in rows
        )

    def expect(self, place: int, entries: Sequence[Entry]) -> None:
        """Points of these edits follow, from this place on."""
        first = len(self.results)
        self.unconfirmed += [
            (place + n, edit_name(entry), first + n) for n, entry in enumerate(entries)
        ]

    def write(self) -> None:
        """Replace the stored record."""
        content = Mirrored(
            results=[f"{name}/{state}" for name, state in sorted(self.results.items())],
            run=self.run,
            points=self.points,
            config=self.config,
            curves=self.curves,
            complete=self.complete,
            unconfirmed=self.unconfirmed,
        )
        self.store.numbers.write(self.path, seal(content))


def read_sent(tracked: Tracked, kind: str, destination: str) -> Sent:
    """What this kind of logger has there; nothing where no usable record exists."""
    destination = destination.replace(str(tracked.store.root.resolve()), "")  # it may move along
    name = f"{re.sub('[^A-Za-z0-9]', '', kind)}-{digest_of(destination)[:8]}-{tracked.place}"
    path = tracked.store.root / "mirrored" / f"{name}.json"
    sent = Sent(tracked.store, path, tracked.run_id(destination))
    with suppress(Unusable):
        if (found := read(path, Mirrored)) and found.run:
            results = {"/".join(p[:2]): "/".join(p[2:]) for p in map(_parts, found.results)}
            sent = Sent(
                tracked.store,
                path,
                found.run,
                found.points,
                found.config,
                found.curves,
                found.complete,
                found.unconfirmed,
                results,
            )
    return sent


def states_digest(entries: Sequence[Entry]) -> str:
    """Of these edits, in order, as `Sent` remembers them."""
    return digest_of([f"{edit_name(entry)}/{_state(entry)}" for entry in entries])


def _parts(text: str) -> list[str]:
    return text.split("/")


def edit_name(entry: Entry) -> str:
    """EDIT/CASE."""
    return f"{entry.record.key}/{entry.row.case}"


def _state(entry: Entry) -> str:
    return f"{entry.record.made}/{digest_of(sorted(entry.numbers.values))[:8]}"


def _made(state: str) -> str:
    return state.partition("/")[0]
