"""The comparison of a run with a recording leaves no recorded number out."""

from dataclasses import replace

import pytest
import torch
from golden_replay.runs import compare_runs
from golden_replay.verdict import Verdict

Z, GRADIENT = torch.arange(4.0), torch.ones(4)
STORED = {"step0.z": Z, "step0.grad": GRADIENT, "n": torch.tensor(3), "f32.step0.z": Z}
EXACT = {"step0.z": Z, "step0.grad": GRADIENT, "n": torch.tensor(3)}
LIMITS = {"z": 1e-4}


def verdict(**changed: object) -> Verdict:
    given = {"stored": STORED, "exact": EXACT, "single": EXACT, "limits": LIMITS, **changed}
    return compare_runs(**given)  # type: ignore[arg-type]


def test_everything_is_compared_in_float64_and_what_has_a_limit_in_float32() -> None:
    found = verdict()
    assert found.ok
    assert found.allowed == {
        "z": 1e-9,
        "grad": 1e-9,
        "n": 1e-9,
        "z f32": 1e-4,
        "z native f32": 1e-4,
    }


@pytest.mark.parametrize(
    ("key", "name"),
    [("step0.z", "z"), ("step0.grad", "grad"), ("n", "n"), ("f32.step0.z", "z native f32")],
)
def test_another_number_fails(key: str, name: str) -> None:
    found = verdict(stored=STORED | {key: STORED[key] + 1})
    assert not found.ok
    assert found.errors[name] == 1


def test_ours_in_float32_fails_beyond_its_limit() -> None:
    assert verdict(single=EXACT | {"step0.z": Z + 5e-5}).ok
    assert not verdict(single=EXACT | {"step0.z": Z + 2e-4}).ok


@pytest.mark.parametrize("key", ["new", "step1.z", "f32.step0.grad", "f32.step1.z"])
def test_a_recorded_number_without_ours_fails(key: str) -> None:
    """Unless it is known to be left out."""
    stored = STORED | {key: Z}
    assert verdict(stored=stored).unknown == (key,)
    assert not verdict(stored=stored).ok
    assert verdict(stored=stored, aside=(key.rpartition(".")[2],)).ok


def test_no_errors_are_no_success() -> None:
    assert not replace(verdict(), errors={}, allowed={}).ok
