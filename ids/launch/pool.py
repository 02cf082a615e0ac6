"""Workers with one unit each, started when they are needed and started anew where they die."""

import queue
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import msgspec

from ids.core.errors import ConfigError
from ids.launch.dispatch import Lost
from ids.run.unit import Ready, Report, Unit, UnitEnd, decode_report

MAX_STARTS = 3  # of workers that end before they are ready, one after another
PATIENCE = 10.0  # seconds that workers have to release their claims
Hear = Callable[[bytes | None], None]  # takes each line of a worker; None where it has ended


@runtime_checkable
class Channel(Protocol):
    """A worker, wherever it runs."""

    def send(self, unit: Unit) -> None:
        """Have a unit done."""
        ...

    def end(self, busy: bool) -> None:
        """Ask it to end; does not wait."""
        ...

    def kill(self, seconds: float) -> None:
        """Kill it if it has not ended after so many seconds."""
        ...


@dataclass(eq=False)
class _Member:
    """A place of the pool and its worker."""

    channel: Channel | None = None
    unit: int | None = None
    ready: bool = False


class _Event(NamedTuple):
    member: _Member
    line: bytes | None


@dataclass
class Pool:
    """A crew of so many workers. `start` opens one at its place. `logs` is where they write what
    went wrong.
    """

    size: int
    start: Callable[[int, Hear], Channel]
    logs: str
    _members: dict[int, _Member] = field(default_factory=dict)
    _events: "queue.Queue[_Event]" = field(default_factory=queue.Queue)
    _failed_starts: int = 0

    def free(self) -> int:
        """Places whose worker is idle, or not started."""
        return self.size - sum(one.unit is not None for one in self._members.values())

    def give(self, units: Sequence[Unit]) -> None:
        """A unit to each of some idle workers."""
        busy = {place for place, one in self._members.items() if one.unit is not None}
        idle = (place for place in range(self.size) if place not in busy)
        for unit, place in zip(units, idle, strict=False):
            member = self._members.get(place) or self._open(place)
            member.unit = unit.number
            assert member.channel is not None
            member.channel.send(unit)

    def wait(self) -> list[Report | Lost]:
        """The reports of all workers."""
        found: list[Report | Lost] = []
        with suppress(queue.Empty):
            found += self._take(self._events.get(timeout=1.0))
            while True:
                found += self._take(self._events.get_nowait())
        return found

    def stop(self) -> None:
        """End all workers; late ones are killed."""
        deadline = time.monotonic() + PATIENCE
        channels = [(one, one.channel) for one in self._members.values() if one.channel]
        for member, channel in channels:
            channel.end(member.unit is not None)
        for _, channel in channels:
            channel.kill(max(deadline - time.monotonic(), 0.1))
        self._members.clear()

    def _open(self, place: int) -> _Member:
        member = self._members[place] = _Member()
        member.channel = self.start(place, lambda line: self._events.put(_Event(member, line)))
        return member

    def _take(self, event: _Event) -> list[Report | Lost]:
        member, line = event
        if line is None:
            return self._ended(member)
        try:
            report = decode_report(line)
        except msgspec.MsgspecError:  # the last line of a killed worker
            return []
        if isinstance(report, Ready):
            member.ready, self._failed_starts = True, 0
        if isinstance(report, UnitEnd):
            member.unit = None
        return [report]

    def _ended(self, member: _Member) -> list[Report | Lost]:
        """A worker has died. `ConfigError` where none gets ready."""
        assert member.channel is not None
        member.channel.kill(0.0)
        self._members = {p: one for p, one in self._members.items() if one is not member}
        self._failed_starts += not member.ready
        if self._failed_starts >= MAX_STARTS:
            raise ConfigError(
                f"launch: expected workers that start; the first {MAX_STARTS} ended before they "
                f"were ready; see {self.logs}"
            )
        return [] if member.unit is None else [Lost(member.unit)]
