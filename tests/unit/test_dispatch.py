"""Lost units are given again, cut in halves, and end at the row that kills its worker."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from ids.launch.dispatch import Dispatch, Lost
from ids.run.unit import Ended, JobRef, Report, RowEnd, Unit, UnitEnd, UnitPart


def unit(number: int, *keys: str) -> Unit:
    return Unit(number, [UnitPart(0, "dds", [JobRef(key, key, 0, key) for key in keys])])


@dataclass
class Recorder:
    """A sweep that keeps what it gets."""

    errors: dict[int, Exception] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)

    def report(self, report: Report) -> None:
        if isinstance(report, Ended):
            self.ended += [row.key for row in report.rows]

    def died(self, unit: Unit) -> None:
        self.dead += [row.key for part in unit.parts for row in part.rows]


@dataclass
class Workers:
    """Two workers that do a row at a time. `kills` are deaths left per row, right before it."""

    kills: dict[str, int]
    given: list[list[str]] = field(default_factory=list)
    waiting: list[Unit] = field(default_factory=list)
    stopped: bool = False

    def free(self) -> int:
        return 2 - len(self.waiting)

    def give(self, units: Sequence[Unit]) -> None:
        assert len(units) <= self.free()
        self.waiting += units
        self.given += [[row.key for row in unit.parts[0].rows] for unit in units]

    def wait(self) -> list[Report | Lost]:
        unit, reports = self.waiting.pop(0), list[Report | Lost]()
        for row in unit.parts[0].rows:
            if self.kills.get(row.key, 0):
                self.kills[row.key] -= 1
                return [*reports, Lost(unit.number)]
            reports.append(Ended(0, "dds", [RowEnd(row.key, row.case, "ok")]))
        return [*reports, UnitEnd(unit.number)]

    def stop(self) -> None:
        self.stopped = True


def dispatched(kills: dict[str, int], *units: Unit) -> tuple[Recorder, Workers]:
    sweep, crew = Recorder(), Workers(kills)
    dispatch = Dispatch(crew, sweep)
    dispatch(iter(units))
    assert crew.stopped
    assert dispatch._ended == set()  # memory does not grow
    return sweep, crew


def test_the_rest_of_a_lost_unit_is_given_again() -> None:
    sweep, crew = dispatched({"b": 1}, unit(0, "a", "b", "c"), unit(1, "d"))
    assert sorted(sweep.ended) == ["a", "b", "c", "d"]
    assert crew.given == [["a", "b", "c"], ["d"], ["b", "c"]]
    assert sweep.dead == []


def test_the_row_that_kills_its_workers_is_found() -> None:
    sweep, crew = dispatched({"c": 99}, unit(0, *"abcdefgh"), unit(1, "i"))
    assert sorted(sweep.ended) == [*"abdefghi"]
    assert sweep.dead == ["c"]
    assert len(crew.given) < 12


def test_random_deaths_fail_no_row() -> None:
    """Deaths count where no row has ended since the last one."""
    kills = dict.fromkeys("abcdefgh", 2)
    sweep, _ = dispatched(kills, unit(0, *"abcd"), unit(1, *"efgh"))
    assert sorted(sweep.ended) == [*"abcdefgh"]
    assert sweep.dead == []


def test_workers_are_stopped_where_the_parent_is() -> None:
    sweep, crew = Recorder(), Workers({})

    def interrupted(_: Report) -> None:
        raise KeyboardInterrupt

    sweep.report = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        Dispatch(crew, sweep)(iter([unit(0, "a")]))
    assert crew.stopped
