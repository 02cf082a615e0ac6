"""One bad setting of a sweep costs itself only, and what breaks is told in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ENVIRONMENT, Ids

from ids.log import WeightsAndBiases

FAST = ("debug=fast", "controls=none", "method.n_steps=2")


def told(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith("ids: ")]


def test_the_others_run_and_the_bad_one_is_named(ids: Ids) -> None:
    done = ids("run", "-m", *FAST, "method=dds,idz,sds")
    assert done.returncode == 2
    assert len(ids.results()) == 4
    assert "dds" in done.stdout
    (line,) = told(done.stderr)
    assert "method=idz: no such choice; did you mean ids?" in line
    folders = sorted((ids.folder / "outputs" / "runs").glob("*/*/outcomes.json"))
    assert [path.parent.name for path in folders] == ["0", "1"]
    config = yaml.safe_load((folders[1].parent / "config" / "config.yaml").read_text())
    assert config["method"]["n_steps"] == 2
    words = yaml.safe_load((folders[1].parent / "config" / "overrides.yaml").read_text())
    assert "method=sds" in words


def test_where_all_are_bad_nothing_runs(ids: Ids) -> None:
    done = ids("run", "-m", "debug=fast", "method=idz,dds", "fpr.lamda=1")
    assert done.returncode == 2
    assert len(told(done.stderr)) == 2
    done = ids("run", "-m", "debug=fast", "method=ids,dds", "fpr.lamda=1,2")
    assert done.returncode == 2
    assert len(told(done.stderr)) == 1
    assert not (ids.folder / "outputs").exists()


BROKEN = """
from ids.cli import main
from ids.run import Experiment
whole = Experiment.run
def run(experiment, folder):
    if experiment.asked.name == "dds":
        raise TypeError("\\x1b[31mno such thing")
    return whole(experiment, folder)
Experiment.run = run
main({words!r})
"""


def test_an_unexpected_error_stops_no_other_setting(tmp_path: Path) -> None:
    words = ["run", "-m", *FAST, "method=dds,sds"]
    done = subprocess.run(
        [sys.executable, "-c", BROKEN.format(words=words)],
        cwd=tmp_path,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "sds" in done.stdout
    (line,) = told(done.stderr)
    (file,) = tmp_path.glob("outputs/runs/*/0/traceback.txt")
    place = file.relative_to(tmp_path)
    assert rf"unexpected TypeError: \x1b[31mno such thing; the traceback is in {place}" in line
    assert "in run" in file.read_text()


def test_a_service_out_of_reach_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By the settings of one command, that is; and the account's key is never told."""
    import wandb

    asked = []

    def init(mode: str, **_: object) -> object:
        asked.append(mode)
        if mode == "online":
            raise wandb.errors.CommError("no answer to secret-key\nafter 90 s")
        return wandb.sdk.wandb_run.Run.__new__(wandb.sdk.wandb_run.Run)

    monkeypatch.setattr(wandb, "init", init)
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_API_KEY", "secret-key")
    logger = WeightsAndBiases("ids", str(tmp_path))
    for _ in range(3):
        logger._opened({})
    assert asked == ["online", "offline", "offline", "offline"]
    assert caplog.text.count("cannot be reached (no answer to ...)") == 1
    assert "secret-key" not in caplog.text


@pytest.mark.parametrize("flag", ["--cfg=job", "--info", "--config-path=x", "--hydra-help"])
def test_flags_of_hydra_are_answered(flag: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ids.cli", "run", flag],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--show" in done.stderr
    assert done.stderr.count("\n") == 1
