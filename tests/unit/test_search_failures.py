"""Trials that fail, and when their failures end a search."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest
from conftest import InProcess

from ids.core.unexpected import unexpected
from ids.results.grids import Estimate
from ids.run.experiment import Experiment
from ids.search import search as search_module
from ids.search.candidates import Built
from ids.search.found import Found, SearchStopped, check_failures
from ids.search.search import Request, open_search
from ids.search.study import Trial

FIXED = ("debug=fast", "method=dds", "method.n_steps=2", "controls=none", "logger=none")
AXIS = "method.guidance_scale=interval(1,8)"
FLAGS = ("--identity", "psnr", "--fidelity", "psnr_truth")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def searched(trials: int, *words: str) -> Found:
    request = Request([*FIXED, AXIS, *words], "psnr", "psnr_truth", trials)
    return open_search(request).run(lambda _: None)


def trial(number: int, identity: float, fidelity: float) -> Trial:
    return Trial(number, {"a": number}, [Estimate(identity), Estimate(fidelity)])


def test_a_failed_trial_has_its_reason_and_the_search_goes_on(in_process: InProcess) -> None:
    words = (*FIXED, "method.optimizer.lr=choice(0.1,1.0e+38)", *FLAGS, "--trials", "6")
    status, out, _ = in_process("search", *words)
    assert status == 0
    assert "Pareto set of 6 trials, " in out
    assert " failed, shapes-dev-v1" in out
    (line, *_) = [line for line in out.splitlines() if line.startswith("failed: ")]
    assert "method.optimizer.lr=1e+38: 2 of 2 edits failed: " in line


def test_the_same_failure_in_every_trial_ends_the_search(in_process: InProcess) -> None:
    words = ("search", *FIXED, "method.optimizer.lr=choice(1.0e+38)", *FLAGS)
    status, out, err = in_process(*words)
    assert (status, out.count("trial ")) == (1, 3)
    assert err.splitlines()[-1].startswith("ids: SearchStopped: dds-")
    assert "got 3 in a row with the same failure: 2 of 2 edits failed: " in err


def test_errors_that_end_settings_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    run_one, runs = search_module.run_one, count()

    def broken(_: Built, __: Sequence[str]) -> Experiment:
        raise unexpected(RuntimeError("no network"), Path("runs", str(next(runs))))

    searched(1)
    monkeypatch.setattr(search_module, "run_one", broken)
    with pytest.raises(SearchStopped, match="unexpected RuntimeError: no network"):
        searched(9)
    assert next(runs) == 3
    monkeypatch.setattr(search_module, "run_one", run_one)
    mended = searched(5, "retry_failed=true")
    assert [len(mended.completed), len(mended.failed)] == [5, 3]


def test_which_failures_end_a_search() -> None:
    def ends(*ended: Trial, completed: bool = True) -> bool:
        found = Found([trial(0, 1.0, 1.0)] if completed else [], [])
        try:
            check_failures("name", ended, found)
        except SearchStopped:
            return True
        return False

    broke, other = (Trial(0, {}, reason=reason, broke=True) for reason in ("full", "other"))
    nan = Trial(0, {}, reason="2 of 2 edits failed: NaN")
    assert ends(broke, broke, broke)
    assert ends(trial(0, 1.0, 1.0), broke, broke, broke)
    assert not ends(broke, broke)
    assert not ends(broke, other, broke)
    assert not ends(broke, trial(0, 1.0, 1.0), broke, broke)
    assert ends(nan, nan, nan, completed=False)
    assert not ends(nan, nan, nan)  # some values work, these do not
