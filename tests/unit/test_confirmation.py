"""The verdict of the confirmation, by its rule."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from conftest import ROOT

from ids.results.curves import Curves


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


def test_a_comparison_is_read_at_the_level(script: ModuleType) -> None:
    found = script.comparison("dds", 0.8, curves(31.0, 50), curves(30.0, 100))
    assert found.value == pytest.approx(1.0)
    assert found.nfe == pytest.approx(0.5)
    assert found.p == pytest.approx(2 / 10_001)
    back = script.comparison("dds", 0.8, curves(30.0, 100), curves(31.0, 50))
    assert (back.value, back.p) == (pytest.approx(-1.0), found.p)
    same = script.comparison("dds", 0.8, curves(30.0, 1), curves(30.0, 1))
    assert same.p == 1.0


def test_resamples_that_miss_the_level_count_against_a_difference(script: ModuleType) -> None:
    assert script.comparison("dds", 0.8, curves(31.0, 50), curves(30.0, 100, 0.7)).p == 1.0


@pytest.mark.parametrize(
    ("values", "ps", "nfe", "verdict"),
    [
        ([1.0] * 12, [0.001] * 12, 0.5, "Confirmed."),
        ([1.0] * 12, [0.001] * 12, 1.5, "Not confirmed: better in 12 of 12"),
        ([1.0] * 12, [0.01] * 12, 0.5, "Not confirmed: better in 0 of 12"),  # 12 x 0.01
        ([1.0] * 11 + [-1.0], [0.001] * 12, 0.5, "Refuted: worse in 1 of 12"),
        ([1.0] * 11 + [-1.0], [0.001] * 11 + [0.2], 0.5, "Not confirmed: better in 11 of 12"),
        ([1.0] * 11, [0.001] * 11, 0.5, "No verdict: 11 of 12"),
    ],
)
def test_the_verdict(
    script: ModuleType, values: list[float], ps: list[float], nfe: float, verdict: str
) -> None:
    found = [script.Comparison("x", 0.8, v, p, nfe) for v, p in zip(values, ps, strict=True)]
    assert script.verdict(found, 12).startswith(verdict)
