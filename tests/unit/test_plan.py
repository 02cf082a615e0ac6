"""The plan of a sweep: every job once, whatever exists left out, cut into bounded units."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.data import Shapes
from ids.editing import NullEdit
from ids.launch import Here
from ids.run import Experiment, Job, Setting
from ids.run.cut import MAX_ROWS, Bounds, Traits, by_source, cut
from ids.run.experiment import MethodSpec
from ids.run.plan import Part, plan_sweep
from ids.run.unit import Ended, RowEnd, Unit, decode_report, encode, endings

FAST = ("debug=fast", "method.n_steps=2", "logger=none", "metrics=standard")
CASES = [Shapes("dev", 8)[i] for i in range(8)]


def experiments(folder: Path, *words: str) -> dict[int, Experiment]:
    settings = compose_all([*FAST, f"output_dir={folder}", *words])
    first = build_experiment(settings[0], sweep=True)
    others = [build_experiment(s, sweep=True, session=first.session) for s in settings[1:]]
    return dict(enumerate([first, *others]))


def part(number: int, n_edits: int, n_judged: int = 0) -> Part:
    spec = MethodSpec("null_edit", {}, NullEdit())
    setting = Setting(f"m{number}", {"number": number}, "gaussian", {}, {})
    jobs = [Job(setting, CASES[n % 8], n // 8, None) for n in range(n_edits + n_judged)]
    return Part(number, spec, setting, jobs, jobs[:n_edits], jobs[n_edits:], {})


def names(units: Sequence[Unit]) -> list[tuple[int, str, str]]:
    return [(p.setting, *row.name) for unit in units for p in unit.parts for row in p.rows]


@given(
    sizes=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=6),
    groups=st.lists(st.integers(0, 2), min_size=6, max_size=6),
    seconds=st.none() | st.floats(0, 100),
    batch=st.integers(1, 9),
    bounds=st.builds(Bounds, st.floats(0.1, 600), st.integers(1, 9)),
)
def test_units_hold_every_job_to_do_once(
    sizes: list[tuple[int, int]],
    groups: list[int],
    seconds: float | None,
    batch: int,
    bounds: Bounds,
) -> None:
    parts = [part(number, *size) for number, size in enumerate(sizes)]
    units = cut(parts, lambda p: Traits(groups[p.setting], seconds, batch), bounds)
    todo = [(p.setting, *job.name) for p in parts for job in p.todo]
    assert Counter(names(units)) == Counter(todo)
    assert [unit.number for unit in units] == list(range(len(units)))
    for unit in units:
        assert 0 < unit.n_rows <= MAX_ROWS
        assert len({groups[p.setting] for p in unit.parts}) == 1
        if seconds is not None and unit.n_rows > batch:
            assert unit.n_rows * seconds <= bounds.seconds


def test_units_are_as_long_as_is_wanted() -> None:
    parts = [part(0, 30), part(1, 30)]

    def sizes(seconds: float | None, bounds: Bounds) -> list[int]:
        return [u.n_rows for u in cut(parts, lambda _: Traits("one", seconds, 5), bounds)]

    assert sizes(1.0, Bounds(20.0)) == [20, 20, 20]
    assert sizes(30.0, Bounds(60.0)) == [5] * 12  # a whole batch, at least
    assert sizes(None, Bounds(60.0)) == [20, 20, 20]  # a few batches
    assert sizes(0.001, Bounds(60.0)) == [60]
    assert len(sizes(0.001, Bounds(60.0, workers=2))) == 6  # work for all of them


@pytest.mark.parametrize(
    "seconds", [[1.0], [1.0, 2.0, 5.0], [0.2, 0.2, 5.0], [None, None, None]], ids=str
)
def test_few_units_end_together(seconds: list[float | None]) -> None:
    """Settings of 24 edits in batches of eight, the slowest last; without times NFE tell which."""
    parts = [part(number, 24) for number in range(len(seconds))]
    costs = [one or float(number) for number, one in enumerate(seconds, 1)]

    def traits(one: Part) -> Traits:
        return Traits("", seconds[one.setting], 8, nfe=10 * costs[one.setting])

    units = cut(parts, traits, Bounds(60.0, workers=2))
    ends = [0.0, 0.0]
    for unit in units:  # each worker takes the next one
        ends.sort()
        ends[0] += sum(costs[p.setting] * len(p.rows) for p in unit.parts)
    assert max(ends) <= 1.08 * sum(ends) / 2


def test_many_units_keep_the_order_of_the_settings() -> None:
    parts = [part(0, 40), part(1, 40)]
    units = cut(parts, lambda p: Traits("", 1.0 + p.setting, 1), Bounds(2.0, workers=2))
    order = [p.setting for unit in units for p in unit.parts]
    assert order == sorted(order)


def test_targets_and_seeds_of_an_image_are_neighbours() -> None:
    setting = Setting("dds", {}, "gaussian", {}, {})
    jobs = [Job(setting, CASES[n], seed, ("a", "b")) for seed in (0, 1) for n in (2, 0, 1)]
    order = [(CASES.index(job.case), job.seed) for job in by_source(jobs)]
    assert order == [(2, 0), (2, 1), (0, 0), (0, 1), (1, 0), (1, 1)]


def test_the_targets_of_an_image_and_a_seed_are_neighbours() -> None:
    """They share source halves."""
    setting = Setting("dds", {}, "gaussian", {}, {})
    jobs = [Job(setting, CASES[n], seed, ("a", b)) for n in (1, 0) for b in "xy" for seed in (5, 2)]
    order = [(CASES.index(j.case), j.seed, (j.prompts or "")[1]) for j in by_source(jobs)]
    assert order == [(n, seed, b) for n in (1, 0) for seed in (5, 2) for b in "xy"]


@given(
    sizes=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), min_size=1, max_size=4),
    batch=st.integers(1, 9),
)
def test_settings_that_share_take_turns(sizes: list[tuple[int, int]], batch: int) -> None:
    """Batch by batch, and every job once; a unit is no larger than without."""
    parts, bounds = [part(number, *size) for number, size in enumerate(sizes)], Bounds(20.0)
    apart = cut(parts, lambda _: Traits("", 1.0, batch), bounds)
    shared = cut(parts, lambda _: Traits("", 1.0, batch, shares=True), bounds)
    assert sorted(names(shared)) == sorted(names(apart))
    assert all(unit.n_rows <= max(20, batch) for unit in shared)
    firsts = [setting for setting, *_ in names(shared)][: sum(min(n, batch) for n, _ in sizes)]
    assert firsts == [k for k, (n, _) in enumerate(sizes) for _ in range(min(n, batch))]


def test_controls_are_planned_once_and_existing_results_are_left_out(tmp_path: Path) -> None:
    found = experiments(tmp_path, "method=sds,dds", "seeds=[0,1]")
    plan = plan_sweep(found)
    counts = [(p.spec.name, len(p.jobs), len(p.edits), len(p.judged)) for p in plan.parts]
    assert counts == [
        ("null_edit", 2, 2, 0),
        ("true_edit", 2, 2, 0),
        ("sds", 4, 4, 0),
        ("null_edit", 2, 0, 0),
        ("true_edit", 2, 0, 0),
        ("dds", 4, 4, 0),
    ]
    assert not list(tmp_path.iterdir())  # a plan writes nothing
    found[0].run(tmp_path / "run")
    plan = plan_sweep(found)
    assert [len(p.todo) for p in plan.parts] == [0, 0, 0, 0, 0, 4]
    assert [len(p.known) for p in plan.parts] == [2, 2, 4, 2, 2, 0]


def test_a_metric_that_only_one_setting_has_is_planned_with_it(tmp_path: Path) -> None:
    """The edits are made by the first setting, the metric that it lacks by the second."""
    first = experiments(tmp_path, "method=dds", "controls=none", "~metrics.ssim")[0]
    second = experiments(tmp_path, "method=dds", "controls=none")[0]
    plan = plan_sweep({0: first, 1: second})
    assert [(len(p.edits), len(p.judged)) for p in plan.parts] == [(2, 0), (0, 2)]
    first.run(tmp_path / "run")
    plan = plan_sweep({0: first, 1: second})
    assert [(len(p.edits), len(p.judged)) for p in plan.parts] == [(0, 0), (0, 2)]
    assert [outcome.status for outcome in second.run(tmp_path / "run2")] == ["ok", "ok"]
    plan = plan_sweep({0: first, 1: second})
    assert [len(p.todo) for p in plan.parts] == [0, 0]


def test_a_setting_that_cannot_be_planned_costs_itself(tmp_path: Path) -> None:
    found = experiments(tmp_path, "method=sds,dds", "dataset.size=16,64")
    plan = plan_sweep(found)
    assert all("min" in str(e) or "expected" in str(e) for e in plan.errors.values())
    assert {p.setting for p in plan.parts} == set(found) - set(plan.errors)


def test_a_unit_is_halved_down_to_the_row() -> None:
    (unit,) = cut([part(0, 3), part(1, 2)], lambda _: Traits("", 0.0, 8), Bounds())
    first, second = unit.halves()
    assert names([first, second]) == names([unit])
    assert (first.n_rows, second.n_rows) == (2, 3)
    assert [p.setting for p in second.parts] == [0, 1]
    ended = {(0, "null_edit", *row) for row in ((r.key, r.case) for r in unit.parts[0].rows[:2])}
    assert names([unit.lacking(ended)]) == names([unit])[2:]
    assert unit.without({0}).n_rows == 2


def test_reports_travel_as_lines() -> None:
    report = Ended(3, "dds", [RowEnd("k", "c", "failed", "a\nb")])
    assert encode(report).count(b"\n") == 1
    assert decode_report(encode(report)) == report
    assert list(endings(report)) == [(3, "dds", "k", "c")]


@pytest.mark.parametrize("minutes", [0.0, -1.0])
def test_units_of_no_time_are_refused(minutes: float) -> None:
    with pytest.raises(ValueError, match=r"launch\.minutes: expected a number above 0"):
        Here(minutes)
