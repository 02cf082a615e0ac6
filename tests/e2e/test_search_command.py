"""Several processes share the trials of one search, and one that is killed loses none."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ENVIRONMENT

from ids.search.search import Found, Request, open_search

WORDS = ("debug=fast", "method=dds", "controls=none", "logger=none")
AXIS = "method.guidance_scale=interval(1,8)"
SEARCH = (*WORDS, AXIS, "--identity", "psnr", "--fidelity", "psnr_truth", "--trials", "8")


def start(folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "ids.cli", "search", *SEARCH]
    environment = {**os.environ, **ENVIRONMENT}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True
    )


def found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    monkeypatch.chdir(folder)
    return open_search(Request([*WORDS, AXIS], "psnr", "psnr_truth")).found()


@pytest.mark.slow
def test_two_processes_share_the_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = [start(tmp_path) for _ in range(2)]
    outputs = [process.communicate(timeout=280) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    lines = [line for out, _ in outputs for line in out.splitlines() if line.startswith("trial ")]
    assert sorted(line.split(":")[0] for line in lines) == [f"trial {n}/8" for n in range(1, 9)]
    assert all("Pareto set of 8 trials, " in out for out, _ in outputs)
    assert len({str(t.values) for t in found(tmp_path, monkeypatch).trials}) == 8


@pytest.mark.slow
def test_a_killed_process_loses_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = start(tmp_path)
    deadline = time.monotonic() + 200
    while not list(tmp_path.glob("outputs/results/??/*/job.json")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = start(tmp_path)
    out, err = again.communicate(timeout=280)
    assert again.returncode == 0, err
    trials = found(tmp_path, monkeypatch).trials
    assert [(trial.number, bool(trial.means)) for trial in trials] == [(n, True) for n in range(8)]
    assert "Pareto set of 8 trials, " in out
