"""Trials whose edits are made by worker processes, and two searches of which one is killed."""

import os
import signal
from pathlib import Path

import pytest
from cluster_tools import descendants, is_alive, n_results, start, wait_for

from ids.search.search import Found, Request, open_search

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
WORDS = ["debug=fast", "method=dds", "controls=none", "logger=none", "limit=2"]
WORDS += ["method.guidance_scale=interval(1,8)"]
SEARCH = ["search", *WORDS, "--identity", "psnr", "--fidelity", "psnr_truth", "--trials"]
DEVICES = ["launch=devices", "launch.workers=2"]
WORKER = b"ids.launch.worker"


def found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    monkeypatch.chdir(folder)
    return open_search(Request(WORDS, "psnr", "psnr_truth")).found()


def serial(folder: Path, trials: int, monkeypatch: pytest.MonkeyPatch) -> Found:
    folder.mkdir()
    monkeypatch.chdir(folder)
    return open_search(Request(WORDS, "psnr", "psnr_truth", trials)).run(lambda _: None)


def assert_equal(ours: Found, theirs: Found) -> None:
    """Edits of another batch agree within rounding, and so does what is sampled after them."""
    assert len(ours.trials) == len(theirs.trials)
    for one, other in zip(ours.trials, theirs.trials, strict=True):
        assert one.values == pytest.approx(other.values)
        means = [[mean.value for mean in trial.means] for trial in (one, other)]
        assert means[0] == pytest.approx(means[1], rel=1e-3)


def test_a_killed_search_on_workers_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker is killed in the first trial, then the command itself."""
    running = start(tmp_path, *SEARCH, "2", *DEVICES)
    wait_for(lambda: len(descendants(running.pid, WORKER)) == 2)
    os.kill(descendants(running.pid, WORKER)[0], signal.SIGKILL)
    wait_for(lambda: n_results(tmp_path) >= 3)  # in the second trial
    workers = descendants(running.pid, WORKER)
    running.kill()
    running.communicate()
    wait_for(lambda: not any(map(is_alive, workers)))
    again = start(tmp_path, *SEARCH, "2", *DEVICES)
    out, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert "Pareto set of 2 trials, shapes-dev-v1" in out
    assert_equal(found(tmp_path, monkeypatch), serial(tmp_path / "other", 2, monkeypatch))
    assert len(list((tmp_path / "outputs/runs").glob("*/worker*.log"))) >= 4


def test_the_trial_of_a_killed_search_is_taken_by_another(tmp_path: Path) -> None:
    words = [*SEARCH, "3", "method.n_steps=2500"]
    first, second = start(tmp_path, *words), start(tmp_path, *words)
    wait_for(lambda: len(list(tmp_path.glob("outputs/claims/*-[0-2].lock"))) == 2)
    first.kill()
    first.communicate()
    out, err = second.communicate(timeout=300)
    assert second.returncode == 0, err
    assert "Pareto set of 3 trials, shapes-dev-v1" in out
    assert "failed" not in out
