"""Units to a crew of workers that may die: lost units are given again, and cut down to the row that
ends its worker.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, Protocol, runtime_checkable

from msgspec.structs import replace

from ids.run.unit import Report, Unit, UnitEnd, endings

MAX_TRIES = 3  # of a unit of which no row ends
FIRST_HALF = 1_000_000  # number of the first unit that is half of another


class Lost(NamedTuple):
    """The worker of a unit has died."""

    number: int


@runtime_checkable
class Crew(Protocol):
    """Workers of one kind."""

    def free(self) -> int:
        """The number of units that can be given now."""
        ...

    def give(self, units: Sequence[Unit]) -> None:
        """Have units done, at most as many as are free."""
        ...

    def wait(self) -> Sequence[Report | Lost]:
        """What has been reported since the last call; waits for the next report for about a second.
        `ConfigError` where no worker can be started.
        """
        ...

    def stop(self) -> None:
        """End all workers in order: they finish nothing, and release their claims."""
        ...


@runtime_checkable
class Parent(Protocol):
    """The sweep that reports go to."""

    @property
    def errors(self) -> Mapping[int, Exception]:
        """The settings that have broken off."""
        ...

    def report(self, report: Report) -> None:
        """Take a report."""
        ...

    def died(self, unit: Unit) -> None:
        """Record rows that end their workers as failed."""
        ...


@dataclass
class Dispatch:
    """Has units done by a crew."""

    crew: Crew
    sweep: Parent
    _again: deque[Unit] = field(default_factory=deque)
    _running: dict[int, Unit] = field(default_factory=dict)
    _tries: dict[int, int] = field(default_factory=dict)
    _ended: set[tuple[int, str, str, str]] = field(default_factory=set)  # rows of running units
    _numbers: Iterator[int] = field(default_factory=lambda: count(FIRST_HALF))

    def __call__(self, units: Iterator[Unit]) -> None:
        """Have all units done. Ends all workers however it ends."""
        try:
            while True:
                if given := list(self._next(units)):
                    self._running |= {unit.number: unit for unit in given}
                    self.crew.give(given)
                if not self._running:
                    return
                for one in self.crew.wait():
                    self._take(one)
        finally:
            self.crew.stop()

    def _next(self, units: Iterator[Unit]) -> Iterator[Unit]:
        for _ in range(self.crew.free()):
            unit = self._again.popleft() if self._again else next(units, None)
            if unit is None:
                return
            yield unit

    def _take(self, one: Report | Lost) -> None:
        if isinstance(one, Lost):
            return self._lost(one.number)
        if isinstance(one, UnitEnd):
            return self._forget(self._running.pop(one.number, None))
        self._ended.update(endings(one))
        return self.sweep.report(one)

    def _forget(self, unit: Unit | None) -> None:
        """The rows of a unit that has ended: memory does not grow with the sweep."""
        for part in unit.parts if unit else ():
            self._ended -= {(part.setting, part.method, *row.name) for row in part.rows}

    def _lost(self, number: int) -> None:
        """Give the rest of a unit again. Deaths count where no row has ended since the last one."""
        unit = self._running.pop(number, None)
        if unit is None:
            return
        rest = unit.lacking(self._ended).without(self.sweep.errors)
        self._forget(unit)
        tries = 1 + (self._tries.get(number, 0) if rest.n_rows == unit.n_rows else 0)
        if not rest.parts:
            return
        if tries < MAX_TRIES:
            self._tries[number] = tries
            self._again.append(rest)
        elif rest.n_rows > 1:
            for half in rest.halves():
                numbered = replace(half, number=next(self._numbers))
                self._tries[numbered.number] = MAX_TRIES - 1
                self._again.append(numbered)
        else:
            self.sweep.died(rest)
