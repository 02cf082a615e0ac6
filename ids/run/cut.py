"""A plan cut into units of work."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from typing import NamedTuple

from ids.run.job import Job
from ids.run.plan import Part
from ids.run.unit import JobRef, Unit, UnitPart, reference

MAX_ROWS = 256  # of one unit, however fast they are
BATCHES = 4  # of a unit whose time is not known
SHARE = 3  # units per worker, at least: the last ones end at about the same time
FEW = 8  # units per worker, at most, for which the order of the settings is given up


@dataclass(frozen=True)
class Bounds:
    """The size of units: about so many `seconds`, and small enough for all `workers`."""

    seconds: float = 60.0
    workers: int = 1


class Traits(NamedTuple):
    """What decides the unit of a part: the group that a unit may not cross, the seconds of one
    edit (None where they are not known) and its NFE, the edits of a batch, and whether its source
    halves serve other settings.
    """

    group: object
    seconds: float | None
    batch_size: int
    shares: bool = False
    nfe: float = 1.0


def cut(parts: Sequence[Part], traits: Callable[[Part], Traits], bounds: Bounds) -> list[Unit]:
    """Units that hold every job to do once. Groups come in the order of their first part. Within a
    part, jobs of one source image and seed are neighbours. Settings that share source halves take
    turns, batch by batch, so that a source is still kept when the next one needs it. Several
    workers that have few units each begin with the longest, so that they end together.
    """
    todo = [(part, traits(part)) for part in parts if part.todo]
    order = {key: n for n, key in enumerate(dict.fromkeys(one.group for _, one in todo))}
    todo.sort(key=lambda pair: order[pair[1].group])
    fill = _filler(todo, bounds)
    groups = [
        list(fill.pack(members)) for _, members in groupby(todo, lambda pair: order[pair[1].group])
    ]
    if bounds.workers > 1 and sum(map(len, groups)) <= FEW * bounds.workers:
        groups = [sorted(units, key=lambda one: -one.cost) for units in groups]
    rows = (unit.parts for units in groups for unit in units)
    return [Unit(number, unit) for number, unit in enumerate(rows)]


def _filler(todo: Sequence[tuple[Part, Traits]], bounds: Bounds) -> "_Filler":
    """Units of an equal share of the work. Costs are seconds where all are known, else NFE."""
    known = all(one.seconds is not None for _, one in todo)
    total = sum(len(part.todo) * _cost(one, known) for part, one in todo)
    n_rows = sum(len(part.todo) for part, _ in todo)
    share = SHARE * bounds.workers if bounds.workers > 1 else 1
    return _Filler(
        known,
        min(bounds.seconds if known else math.inf, total / share if total else math.inf),
        total / (2 * bounds.workers) if bounds.workers > 1 else math.inf,
        min(max(-(-n_rows // share), 1), MAX_ROWS),
    )


def _cost(one: Traits, known: bool) -> float:
    """Of one edit."""
    return (one.seconds or 0.0) if known else one.nfe


@dataclass
class _Filled:
    """The parts of a unit, and what they cost."""

    parts: list[UnitPart] = field(default_factory=list)
    cost: float = 0.0
    n_rows: int = 0
    n_batches: int = 0

    def add(self, part: Part, rows: list[JobRef], cost: float) -> None:
        """Rows of a batch."""
        self.cost += cost
        self.n_rows += len(rows)
        self.n_batches += 1
        last = self.parts[-1] if self.parts else None
        if last and (last.setting, last.method) == (part.setting, part.spec.name):
            last.rows.extend(rows)
        else:
            self.parts.append(UnitPart(part.setting, part.spec.name, rows))


@dataclass(frozen=True)
class _Filler:
    """Fills units up to a cost and so many rows. `known`: are costs seconds? Else a unit also has
    few batches. `batch_cost` is the largest of a batch.
    """

    known: bool
    cost: float
    batch_cost: float
    rows: int

    def pack(self, parts: Iterator[tuple[Part, Traits]]) -> Iterator[_Filled]:
        """The units of some parts."""
        unit = _Filled()
        for part, one, batch in self._in_turns(parts):
            cost = _cost(one, self.known) * len(batch)
            if unit.n_rows and not self._fits(unit, cost, len(batch)):
                yield unit
                unit = _Filled()
            unit.add(part, batch, cost)
        if unit.n_rows:
            yield unit

    def _fits(self, unit: _Filled, cost: float, n_rows: int) -> bool:
        few = self.known or unit.n_batches < BATCHES
        return few and unit.cost + cost <= self.cost and unit.n_rows + n_rows <= self.rows

    def _in_turns(
        self, parts: Iterator[tuple[Part, Traits]]
    ) -> Iterator[tuple[Part, Traits, list[JobRef]]]:
        """The batches of all parts: part after part, and in turns among those that share."""
        for shares, members in groupby(parts, lambda pair: pair[1].shares):
            each = [
                [(part, one, batch) for batch in self._batches(part, one)] for part, one in members
            ]
            turns = zip_longest(*each) if shares else each
            yield from (batch for turn in turns for batch in turn if batch is not None)

    def _batches(self, part: Part, one: Traits) -> Iterator[list[JobRef]]:
        """The jobs to do, in batches as a worker makes them: edits, then metrics alone."""
        cost = _cost(one, self.known)
        most = int(min(self.batch_cost / cost, MAX_ROWS)) if cost else MAX_ROWS
        size = max(min(one.batch_size, self.rows, most), 1)
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
