"""Frontiers whose areas, dominance and Pareto set are known, laws they obey, and coverage."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from curve_frames import constant, data, sampled, straight
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PIL

from ids.core.errors import ConfigError, DataError
from ids.report.figure import draw_curves
from ids.report.formats import json_text, latex, markdown
from ids.results.bootstrap import first_reach, read_at, reading
from ids.results.columns import Column
from ids.results.curves import setting_states
from ids.results.frontier import Frontier, frontier_of
from ids.results.frontier_report import frontier_report
from ids.results.methods import Question
from ids.results.pareto import pareto_set, undominated
from ids.results.resampling import draw_counts

PSNR = Column("psnr", "PSNR", 2, better=1)
UP = straight("a", [(0, 30), (1, 20)])
FLAT = straight("b", [(0, 26), (0.5, 26), (0.8, 26)])
FINITE = st.floats(0.1, 5)


def frontier(*curves: list[dict[str, object]], identity: Column = PSNR) -> Frontier:
    return of_frame(pd.DataFrame([line for curve in curves for line in curve]), identity)


def of_frame(frame: pd.DataFrame, identity: Column = PSNR) -> Frontier:
    states = setting_states(frame.assign(knob=frame["step"]), ["success", "psnr", "knob"])
    return frontier_of(states, "success", identity)


def test_the_area_is_the_mean_identity_over_the_common_range() -> None:
    found = frontier(UP, FLAT)
    assert found.span == pytest.approx((0, 0.8))
    assert found.area("a").value == pytest.approx(26)  # from 30 to 22
    assert found.area("b").value == pytest.approx(26)
    assert found.area("a", "b").value == pytest.approx(0)
    assert found.area("a").low < 26 < found.area("a").high  # cases differ
    assert found.area("a", "b").high - found.area("a", "b").low < 1e-9  # the same level in both
    assert found.at(0.2, "a").value == pytest.approx(28)
    assert found.at(0.2, "a", "b").value == pytest.approx(2)
    assert math.isnan(found.at(0.9, "b").value)


def test_dominance_is_the_share_up_to_the_crossing() -> None:
    """28 - 10 x meets 26 - 2.5 x at 4/15, a third of the range."""
    found = frontier(straight("a", [(0, 28), (1, 18)]), straight("b", [(0, 26), (0.8, 24)]))
    assert found.dominance("a", "b").value == pytest.approx(1 / 3, abs=0.01)
    assert found.dominance("b", "a").value == pytest.approx(2 / 3, abs=0.01)
    better, worse = found.certain("a", "b")
    assert better == [pytest.approx((0, 0.8 / 3), abs=0.01)]
    assert worse == [pytest.approx((0.8 / 3, 0.8), abs=0.01)]


def test_a_curve_of_other_seeds_costs_itself(tmp_path: Path) -> None:
    """As a study of cost, whose edits have another seed; with a case less than the others."""
    other = [
        line | {"seed": 1000} for line in straight("c", [(0, 25), (1, 24)]) if line["case"] != "c00"
    ]
    frame = pd.DataFrame([*UP, *FLAT, *other])
    found = of_frame(frame)
    assert (set(found.lines), found.apart) == ({"a", "b"}, ("c",))
    assert found.area("a").value == pytest.approx(26)
    report = frontier_report("t", frame, Question())
    (note,) = (note for note in report.notes if "no case and seed in common" in note)
    assert note.startswith("c: left out")
    (image,) = draw_curves(frame, Question(), "t", tmp_path / "t.svg", [PSNR], ["svg"])
    assert "> a<" in image.read_text()
    assert "> c<" not in image.read_text()


def test_float32_rounding_dominates_nothing() -> None:
    """Two methods that make the same edits, one with rounding errors of float32 in its numbers."""
    found = frontier(
        straight("a", [(0, 30), (1, 20)]), straight("b", [(0, 30 - 2e-6), (1, 20 - 2e-6)])
    )
    assert found.dominance("a", "b").value == found.dominance("b", "a").value == 0
    assert found.certain("a", "b") == ([], [])
    real = frontier(straight("a", [(0, 30), (1, 20)]), straight("b", [(0, 29.999), (1, 19.999)]))
    assert real.dominance("a", "b").value == 1
    assert len(real.certain("a", "b")[0]) == 1


def test_smaller_is_better_for_a_distance() -> None:
    found = frontier(UP, FLAT, identity=Column("psnr", "distance", 2, better=-1))
    assert found.dominance("a", "b").value == 0.5
    assert found.certain("a", "b")[0] == [pytest.approx((0.4, 0.8))]


def test_a_curve_that_turns_back_is_read_where_it_first_reaches_a_level() -> None:
    """0.5 to 0.8 is reached after the detour, at 10."""
    found = frontier(straight("a", [(0, 30), (0.5, 30), (0.2, 10), (0.8, 10)]))
    assert found.span == pytest.approx((0, 0.8))
    assert found.area("a").value == pytest.approx((0.5 * 30 + 0.3 * 10) / 0.8, abs=0.15)


def test_a_curve_without_a_part_of_the_range_is_left_out_and_named() -> None:
    settings_of = [{"g": g} for g in (1, 2)]
    strong = sampled("pnp", settings_of, (0.9, 1.0), (20, 19))
    frame = pd.DataFrame([*UP, *FLAT, *strong])
    report = frontier_report("t", frame, Question("success", (0.5, 0.95), "a"), "psnr")
    means, differences, dominance, _ = report.grids
    rows = {row.method: row.cells for row in means.rows}
    assert set(rows) == {"a", "b", "pnp"}  # the baseline, too
    assert math.isnan(rows["pnp"][4].value)
    assert rows["pnp"][-1].value == pytest.approx(1 + 19.5)  # its value at 0.95
    assert math.isnan(rows["pnp"][-2].value)  # 0.5 is below its weakest setting
    assert [column.title for column in dominance.columns] == ["over a", "over b"]
    assert any(note.startswith("pnp: left out of mean and dominance") for note in report.notes)
    assert {row.against for row in differences.rows} == {"a"}


def test_all_methods_are_read_over_their_common_cases() -> None:
    few = straight("b", [(0, 26), (0.8, 26)], n=7)
    found = frontier(UP, few)
    assert found.n == 7
    undefined = [line | {"psnr": math.nan} if line["case"] == "c00" else line for line in UP]
    assert frontier(undefined, few).n == 6
    with pytest.raises(DataError, match="expected cases that all methods have"):
        frontier([line | {"case": f"x{line['case']}"} for line in UP], few)


def test_the_pareto_set_is_what_no_point_beats() -> None:
    points = pareto_set(frontier(UP, FLAT))  # untouched sources are no points
    assert [(p.label, p.knob) for p in points] == [("b", 20.0), ("a", 10.0)]
    assert [p.share for p in points] == [1.0, 1.0]
    assert [p.strength.value for p in points] == pytest.approx([0.8, 1.0])


def test_the_report_is_deterministic_and_renders_everywhere() -> None:
    """Whatever the order of the records."""
    frame = data()
    question = Question("success", (0.5,))
    one = frontier_report("t", frame, question, "psnr")
    other = frontier_report("t", frame.sample(frac=1, random_state=1), question, "psnr")
    assert json_text(one) == json_text(other)
    assert "over dds (g=3)" in markdown(one)
    assert "dominance" in latex(one)


def test_bad_metrics_have_one_clear_error() -> None:
    frame = data()
    for metric, message in (("success", "another metric than --x"), ("nfe", "neither is")):
        with pytest.raises(ConfigError, match=message):
            frontier_report("t", frame, Question("success"), metric)
    message = "metric of the results, such as psnr; got 'beauty'; name another with --y"
    with pytest.raises(DataError, match=message):
        frontier_report("t", frame, Question("success"), "beauty")


@settings(max_examples=4)
@given(scale=FINITE, shift=FINITE, stretch=FINITE, offset=FINITE)
def test_units_change_no_verdict(scale: float, shift: float, stretch: float, offset: float) -> None:
    """Affine units of identity carry over to the area; units of strength, and the direction of the
    identity with its sign, change nothing.
    """
    frame = pd.DataFrame([*UP, *straight("b", [(0, 28), (0.4, 25), (0.8, 24)])])
    units = frame.assign(success=stretch * frame["success"] + offset)
    units["psnr"] = -scale * units["psnr"] + shift
    found = of_frame(frame), of_frame(units, Column("psnr", "distance", 2, better=-1))
    assert found[1].area("a").value == pytest.approx(-scale * found[0].area("a").value + shift)
    shares = [of.dominance("a", "b").value for of in found]
    assert shares[0] == pytest.approx(shares[1], abs=0.0101)  # a level may lie at the crossing
    assert sum(found[0].dominance(*pair).value for pair in (("a", "b"), ("b", "a"))) <= 1 + 1e-9


@given(points=st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=1, max_size=12))
def test_the_pareto_set_depends_on_order_alone(points: list[tuple[int, int]]) -> None:
    x, y = np.array(points, float).T[:, None]
    member = undominated(x, y)
    assert (member == undominated(np.exp(x), y**3)).all()
    assert member.any()
    for p in np.flatnonzero(~member[0]):  # beaten by a member
        assert any(x[0, q] >= x[0, p] and y[0, q] >= y[0, p] for q in np.flatnonzero(member[0]))


def test_matched_intervals_cover_the_truth() -> None:
    """95 % intervals of differences at matched strength, over 1500 generated data sets of 30 cases:
    strength grows at a pace per case, identity falls with it, both with noise of their own.
    """
    n, rng = 30, np.random.default_rng(0)
    weights = np.concatenate([np.ones((1, n)), draw_counts(n, 999)]) / n
    steps, level, covered = np.linspace(0, 1, 6), 0.5, 0
    for _ in range(1500):
        height, sides = rng.normal(30, 3, (n, 1)), []
        for loss in (4.0, 6.0):
            strength = steps * (1 + 0.3 * rng.standard_normal((n, 1)))
            identity = height - loss * steps + rng.normal(0, 1, (n, 1)) * steps
            place = first_reach(weights @ strength, level)
            sides.append(read_at(weights @ identity, place))
        cell = reading(sides[0] - sides[1], n)
        covered += cell.low <= 2.0 * level <= cell.high
    assert 0.93 <= covered / 1500 <= 0.97


def test_the_figure_marks_controls_and_names_knobs(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        [
            *UP,
            *sampled("sdedit", [{"strength": s} for s in (0.3, 0.6)], (0.3, 0.7), (25, 20)),
            *constant("true_edit", 31.0),
        ]
    )
    columns = [Column("success", "success", 2, 1), PSNR]
    question = Question("success")
    png, svg = draw_curves(frame, question, "$x$ <title>", tmp_path / "f.md", columns)
    assert png.stat().st_size > 10_000
    text = svg.read_text()
    for word in ("sdedit, along strength", "true_edit", "PSNR ↑", "&lt;title&gt;"):
        assert word in text, word
    draw_curves(frame, question, "$x$ <title>", tmp_path / "f.md", columns)
    assert svg.read_text() == text


def test_long_names_are_inside_the_figure(tmp_path: Path) -> None:
    names = [f"p2p (guidance_scale={g}, negative_prompt=blurred)" for g in (1.5, 3, 7.5)]
    frame = pd.DataFrame([line for k in names for line in straight(k, [(0, 30), (1, 20)])])
    columns = [Column("success", "success", 2, 1), PSNR]
    png, _ = draw_curves(frame, Question("success"), "t", tmp_path / "f.md", columns)
    with PIL.open(png) as image:
        pixels = np.asarray(image.convert("L"))
    assert (pixels[:, [0, 1, -2, -1]] > 250).all()
