"""The verdict of the confirmation, by its rule."""

import importlib.util
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from status_tools import FAST, run

from ids.results.bootstrap import mean_curves
from ids.results.curves import Curves
from ids.run import Store

GRID = (11, 12, 13, 14, 16, 18, 20, 24, 32)
STEPS = {"1.5": (256, 8), "2": (128, 4), "3": (80, 4), "7.5": (32, 2)}  # kept every so many


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(ROOT) / "scripts" / "confirmation.py"
    spec = importlib.util.spec_from_file_location("confirmation", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def curves(psnr: float, nfe: float, reached: float = 1.0, n: int = 40) -> Curves:
    """Success from 0 to `reached` in two steps, and PSNR that falls by 2 on the way."""
    noise = np.random.default_rng(0).normal(0, 0.3, (n, 1))
    rows = np.ones((n, 1))
    values = {
        "success": rows * [0.0, reached / 2, reached],
        "psnr_background": psnr + noise * rows - rows * [0.0, 1.0, 2.0],
        "nfe": rows * [0.0, nfe / 2, nfe],
    }
    return Curves(np.array([0.0, 1.0, 2.0]), values, True)


def compared(script: ModuleType, *sides: Curves) -> Any:
    return script.comparison("dds", 0.8, sides, mean_curves())


def test_a_comparison_is_read_at_the_level(script: ModuleType) -> None:
    found = compared(script, curves(31.0, 50), curves(30.0, 100))
    assert found.value == pytest.approx(1.0)
    assert found.nfe == pytest.approx(0.5)
    assert found.p == pytest.approx(2 / 10_001)
    back = compared(script, curves(30.0, 100), curves(31.0, 50))
    assert (back.value, back.p) == (pytest.approx(-1.0), found.p)
    same = compared(script, curves(30.0, 1), curves(30.0, 1))
    assert same.p == 1.0


@pytest.mark.parametrize("missing", ["ours", "theirs"])
def test_a_side_that_misses_the_level_is_not_significant(script: ModuleType, missing: str) -> None:
    sides = [curves(31.0, 50), curves(30.0, 100)]
    sides[missing == "theirs"] = curves(31.0, 50, 0.7)
    found = compared(script, *sides)
    assert math.isnan(found.value)
    assert found.p == 1.0
    assert script.verdict([found] * 12).startswith("Not confirmed: better in 0 of 12")


@pytest.mark.parametrize(
    ("values", "ps", "nfe", "verdict"),
    [
        ([1.0] * 12, [0.001] * 12, 0.5, "Confirmed."),
        ([1.0] * 12, [0.001] * 12, 1.5, "Not confirmed: better in all comparisons, for more NFE"),
        ([1.0] * 12, [0.01] * 12, 0.5, "Not confirmed: better in 0 of 12"),  # 12 x 0.01
        ([1.0] * 11 + [-1.0], [0.001] * 12, 0.5, "Refuted: worse in 1 of 12"),
        ([1.0] * 11 + [-1.0], [0.001] * 11 + [0.2], 0.5, "Not confirmed: better in 11 of 12"),
    ],
)
def test_the_verdict(
    script: ModuleType, values: list[float], ps: list[float], nfe: float, verdict: str
) -> None:
    found = [script.Comparison("x", 0.8, v, p, nfe) for v, p in zip(values, ps, strict=True)]
    assert script.verdict(found).startswith(verdict)


def test_the_same_edit_without_settling_steps_may_be_cheaper(script: ModuleType) -> None:
    dear = script.Comparison(script.UNSETTLED, 0.8, 1.0, 0.001, 1.5)
    assert script.verdict([dear] * 12) == "Confirmed."


def setting(
    label: str, points: Sequence[tuple[float, float]], psnr: float, **values: str
) -> pd.DataFrame:
    """The lines of 64 cases and 3 seeds: at each step a share of success, and PSNR that falls with
    it. A case succeeds at all steps after its first success.
    """
    rng = np.random.default_rng(0)
    case, seed, point = (a.ravel() for a in np.mgrid[:64, :3, : len(points)])
    step, share = np.array(points)[point].T
    level = psnr + rng.normal(0, 1, 64)[case] + rng.normal(0, 0.2, (64, 3))[case, seed]
    lines = {"case": [f"{n:03}" for n in case], "seed": seed, "step": step}
    lines |= {"key": [f"{label} {edit}" for edit in zip(case, seed, strict=True)]}
    lines |= {"success": (share > (case + 0.5) / 64).astype(float)}
    lines |= {"psnr_background": level - 2 * share, "label": label, "undefined": ""}
    lines |= dict.fromkeys(("psnr_truth", "feature_distance", "clip_directional"), share)
    lines |= {f"setting.{name}": value for name, value in values.items()}
    return pd.DataFrame(lines)


def store(gain: float, reached: float = 1.0, grid: Sequence[int] = GRID) -> pd.DataFrame:
    """A frame as `ids.results` gives it: the candidate has `gain` dB, and DDS at guidance 1.5 ends
    at a success of `reached`.
    """
    parts = []
    for name, scales in (("dds", STEPS), ("ids", {key: STEPS[key] for key in ("3", "7.5")})):
        for scale, (n, every) in scales.items():
            most = reached if scale == "1.5" else 1.0
            points = [(k, most * min(1.0, 1.5 * k / n)) for k in range(0, n + 1, every)]
            label = f"{name} (guidance_scale={scale}, n_steps={n})"
            parts += [setting(label, points, 31.0, guidance_scale=scale, n_steps=str(n))]
    for scale, psnr in (("7.5", 31.0 + gain), ("3", 0.0)):  # the other is no candidate
        for n in grid:
            label = f"dds_settled_masked (guidance_scale={scale}, n_steps={n})"
            values = {"guidance_scale": scale, "n_steps": str(n), "guidance.steps": "8"}
            parts += [setting(label, [(math.nan, min(1.0, (n - 8) / 16))], psnr, **values)]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(dataset="shapes-test-v1", place="", backbone="shapes", nfe=1.0, status="ok")


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (lambda: store(1.0), "Confirmed."),
        (lambda: store(-1.0), "Refuted: worse in 12 of 12 comparisons."),
        (lambda: store(0.01), "Not confirmed: better in 0 of 12 comparisons."),
        (lambda: store(1.0, reached=0.85), "Not confirmed: better in 10 of 12 comparisons."),
        (
            lambda: store(1.0, grid=GRID[:-1]),
            "No verdict: dds_settled_masked guidance_scale=7.5: 8 of 9",
        ),
        (
            lambda: store(1.0).query("case < '050'"),
            "No verdict: dds_settled_masked guidance_scale=7.5: 150 of",
        ),
        (
            lambda: store(1.0).query("~label.str.startswith('ids')"),
            "No verdict: ids guidance_scale=3: no",
        ),
    ],
    ids=["holds", "opposite", "open", "level", "points", "edits", "setting"],
)
def test_stores(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: Callable[[], pd.DataFrame],
    verdict: str,
) -> None:
    monkeypatch.setattr(script.ids, "results", lambda *_, **__: found())
    whole = not verdict.startswith("No verdict")
    if whole and verdict != "Confirmed.":  # written the same way
        monkeypatch.setattr(script, "AT_NFE", (50.0,))
        monkeypatch.setattr(script, "SECONDARY", ("psnr_truth",))
    monkeypatch.setattr("sys.argv", ["confirmation.py", str(tmp_path)])
    script.main()
    printed = capsys.readouterr().out.strip().splitlines()
    assert len(printed) == 2 + 12 + 2
    assert printed[-1].startswith(verdict)
    written = sorted(path.name for path in tmp_path.rglob("*.csv"))
    assert written == (["confirmation_nfe.csv", "confirmation_success.csv"] if whole else [])


def test_nfe_are_those_of_edits_made_alone(script: ModuleType, tmp_path: Path) -> None:
    words = [word for word in FAST if "n_steps" not in word]
    words += ["limit=1", "engine.anchors=inline", f"output_dir={tmp_path}", "method.n_steps=9"]
    words += ["method=dds,ids", "guidance=constant,settle", "finish=displacement_mask"]
    assert not run(*words).failed
    frame = script.alone(script.ids.results(tmp_path, states=True))
    taken = {
        key: one.forwards + one.backwards
        for key, one in Store(tmp_path).numbers.measurements().items()
    }
    found = dict(zip(frame["key"], frame["nfe"], strict=True))
    assert found == taken
    assert len(found) == 4
