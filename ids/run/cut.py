"""A plan cut into units of work."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import NamedTuple

from ids.run.job import Job
from ids.run.plan import Part
from ids.run.unit import JobRef, Unit, UnitPart, reference

MAX_ROWS = 256  # of one unit, however fast they are
BATCHES = 4  # of a unit whose time is not known
SHARE = 3  # units per worker, at least: the last ones end at about the same time


@dataclass(frozen=True)
class Bounds:
    """The size of units: about so many `seconds`, and small enough for all `workers`."""

    seconds: float = 60.0
    workers: int = 1


class Traits(NamedTuple):
    """What decides the unit of a part: the group that a unit may not cross, the seconds of one
    edit (None where they are not known), the edits of a batch, and whether its source halves serve
    other settings.
    """

    group: object
    seconds: float | None
    batch_size: int
    shares: bool = False


def cut(parts: Sequence[Part], traits: Callable[[Part], Traits], bounds: Bounds) -> list[Unit]:
    """Units that hold every job to do once. Groups come in the order of their first part. Within a
    part, jobs of one source image and seed are neighbours. Settings that share source halves take
    turns, batch by batch, so that a source is still kept when the next one needs it.
    """
    todo = [(part, traits(part)) for part in parts if part.todo]
    order = {key: n for n, key in enumerate(dict.fromkeys(one.group for _, one in todo))}
    total = sum(len(part.todo) * (one.seconds or 0.0) for part, one in todo)
    n_rows = sum(len(part.todo) for part, _ in todo)
    share = SHARE * bounds.workers if bounds.workers > 1 else 1
    fill = _Filler(
        min(bounds.seconds, total / share) if total else bounds.seconds,
        min(max(-(-n_rows // share), 1), MAX_ROWS),
    )
    todo.sort(key=lambda pair: order[pair[1].group])
    packed = (
        rows
        for _, members in groupby(todo, lambda pair: order[pair[1].group])
        for rows in fill.pack(members)
    )
    return [Unit(number, unit) for number, unit in enumerate(packed)]


@dataclass(frozen=True)
class _Filler:
    """Fills units up to so many seconds and rows."""

    seconds: float
    rows: int

    def pack(self, parts: Iterator[tuple[Part, Traits]]) -> Iterator[list[UnitPart]]:
        """The parts of each unit."""
        unit: list[UnitPart] = []
        spent, count = 0.0, 0
        for part, one, batch in self._in_turns(parts):
            cost = self._cost(one) * len(batch)
            if unit and (spent + cost > self.seconds or count + len(batch) > self.rows):
                yield unit
                unit, spent, count = [], 0.0, 0
            _add(unit, part, batch)
            spent, count = spent + cost, count + len(batch)
        if unit:
            yield unit

    def _in_turns(
        self, parts: Iterator[tuple[Part, Traits]]
    ) -> Iterator[tuple[Part, Traits, list[JobRef]]]:
        """The batches of all parts: part after part, and in turns among those that share."""
        for shares, members in groupby(parts, lambda pair: pair[1].shares):
            each = [
                [(part, one, batch) for batch in self._batches(part, one.batch_size)]
                for part, one in members
            ]
            turns = zip_longest(*each) if shares else each
            yield from (batch for turn in turns for batch in turn if batch is not None)

    def _cost(self, one: Traits) -> float:
        """Seconds of an edit; where they are not known, a unit has room for a few batches."""
        if one.seconds is None:
            return self.seconds / (BATCHES * one.batch_size)
        return one.seconds

    def _batches(self, part: Part, batch_size: int) -> Iterator[list[JobRef]]:
        """The jobs to do, in batches as a worker makes them: edits, then metrics alone."""
        size = min(batch_size, self.rows)
        for jobs in (by_source(part.edits), part.judged):
            for start in range(0, len(jobs), size):
                yield [reference(job) for job in jobs[start : start + size]]


def by_source(jobs: Sequence[Job]) -> list[Job]:
    """Jobs with those of one source image beside each other, and among these those of one seed, in
    the order of their first one.
    """
    sources: dict[str, int] = {}
    seeds: dict[int | None, int] = {}
    for job in jobs:
        sources.setdefault(job.case.source_digest, len(sources))
        seeds.setdefault(job.seed, len(seeds))
    return sorted(jobs, key=lambda job: (sources[job.case.source_digest], seeds[job.seed]))


def _add(unit: list[UnitPart], part: Part, rows: list[JobRef]) -> None:
    if unit and (unit[-1].setting, unit[-1].method) == (part.setting, part.spec.name):
        unit[-1].rows.extend(rows)
    else:
        unit.append(UnitPart(part.setting, part.spec.name, rows))
