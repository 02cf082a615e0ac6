"""What carries over to a second world, by the rule of its plan."""

import math
from collections.abc import Callable

import confirmation
import pandas as pd
import pytest
import second_world
from test_confirmation import GRID, STEPS, setting

from ids.results.methods import Question, method_curves

GRID_3 = (16, 24, 32, 40, 48, 64, 88)
NO_GAIN = {"dds": 0.0, "dds+displacement_mask": 0.0, "dds+settle": 0.0, "dds_settled_masked": 0.0}
GAINS = {**NO_GAIN, "dds+displacement_mask": 0.7, "dds+settle": 0.5, "dds_settled_masked": 1.0}


def store(gains: dict[str, float] = GAINS, reached: float = 1.0, ids: bool = False) -> pd.DataFrame:
    """A frame as `ids.results` gives it: PSNR by method, and the highest success of all."""
    parts = []
    for name in ("dds", "dds+displacement_mask", *(["ids"] if ids else [])):
        for scale in ("3", "7.5") if name != "ids" else ("7.5",):
            n, every = STEPS[scale]
            points = [(k, reached * min(1.0, 1.5 * k / n)) for k in range(0, n + 1, every)]
            label = f"{name} (guidance_scale={scale}, n_steps={n})"
            values = {"guidance_scale": scale, "n_steps": str(n)}
            parts += [setting(label, points, 31.0 + gains.get(name, 0.0), **values)]
    for name in ("dds+settle", "dds_settled_masked"):
        for n in GRID:
            label = f"{name} (guidance_scale=7.5, n_steps={n})"
            values = {"guidance_scale": "7.5", "n_steps": str(n), "guidance.steps": "8"}
            share = reached * min(1.0, (n - 8) / 16)
            parts += [setting(label, [(math.nan, share)], 31.0 + gains[name], **values)]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(dataset="shapes-test-v1", place="", backbone="x", nfe=1.0, status="ok")


def report(frame: pd.DataFrame) -> list[str]:
    question = Question("success", knobs=second_world.KNOBS)
    columns = [*second_world.COLUMNS, "nfe"]
    lines: list[str] = second_world.report(
        method_curves(confirmation.alone(frame), question, columns)
    )
    return lines


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_effects_are_differences_at_equal_success() -> None:
    lines = report(store())
    effects = [cells(line) for line in lines[2:7]]
    assert [one[0] for one in effects] == [effect.name for effect in second_world.EFFECTS]
    assert [one[2].split()[0] for one in effects] == ["+0.70", "+0.70", "+0.50", "+1.00", "+1.00"]
    assert {one[-1] for one in effects} == {"carried over"}
    assert [cells(line)[1] for line in lines[2:-2]] == ["0.8"] * 6 + ["0.9"] * 6
    assert lines[-1] == "Carried over: 5 of 5 effects. Opposite: 0."


def test_what_has_no_verdict_is_left_out_where_it_has_no_results() -> None:
    names = [cells(line)[0] for line in report(store())[2:8]]
    assert names[5:] == ["guidance 3 against 7.5"]
    names = [cells(line)[0] for line in report(store(ids=True))[2:10]]
    assert names[6:] == ["IDS against DDS, guidance 7.5", "both at 7.5 against IDS at 7.5"]


@pytest.mark.parametrize(
    ("found", "last"),
    [
        (
            lambda: store({**GAINS, "dds+displacement_mask": -0.7}),
            "Carried over: 3 of 5 effects. Opposite: 2.",
        ),
        (lambda: store(NO_GAIN), "Carried over: 0 of 5 effects. Opposite: 0."),
        (lambda: store(reached=0.5), "No verdict: a setting does not reach success 0.6."),
        (
            lambda: store().query("~label.str.fullmatch(r'dds.settle .*n_steps=32.')"),
            "No verdict: dds+settle guidance_scale=7.5: 8 of 9 points.",
        ),
        (
            lambda: store().query("case < '050'"),
            "No verdict: dds+displacement_mask guidance_scale=3: 150 of 192 edits;",
        ),
        (
            lambda: store().query("~label.str.startswith('dds+settle')"),
            "No verdict: dds+settle guidance_scale=7.5: no results.",
        ),
    ],
    ids=["opposite", "open", "level", "points", "edits", "setting"],
)
def test_verdicts(found: Callable[[], pd.DataFrame], last: str) -> None:
    assert report(found())[-1].startswith(last)


def test_a_weaker_world_is_read_at_a_lower_level() -> None:
    lines = report(store(reached=0.79))
    assert [cells(line)[1] for line in lines[2:8]] == ["0.7"] * 6
    assert cells(lines[-3])[2] == "-"  # 0.9 is not reached
    assert lines[-1] == "Carried over: 5 of 5 effects. Opposite: 0."
