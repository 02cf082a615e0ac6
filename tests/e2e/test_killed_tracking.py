"""After kill -9 and the same command, a tracker that numbers its points has each exactly once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from wandb_file import points_of

WORDS = ("run", "debug=fast", "controls=none", "method=ids", "method.n_steps=2", "limit=6")
WORDS += ("engine.batch_size=1", "logger=wandb", "logger.wandb.mode=offline")
WORDS += ("logger.wandb.every=0", "logger.wandb.system=false")
KILLED = """
import os, signal, sys
from ids.cli import main
from ids.track.feed import Feed

logged = Feed._log_rows

def rows(self, run, sent, entries):
    logged(self, run, sent, entries)
    if len(sent.results) >= 4:
        os.killpg(0, signal.SIGKILL)  # the process of wandb as well: what it holds is lost

Feed._log_rows = rows
main(sys.argv[1:])
"""
Points = dict[int, dict[str, Any]]  # by their number


def run(folder: Path, *words: str) -> int:
    environment = {**os.environ, "WANDB_MODE": "offline"}
    return subprocess.run(
        [sys.executable, *words, *WORDS],
        cwd=folder,
        env=environment,
        capture_output=True,
        start_new_session=True,
    ).returncode


@pytest.mark.slow
def test_points_that_wandb_has_not_written_are_logged_again(tmp_path: Path) -> None:
    assert run(tmp_path, "-c", KILLED) < 0
    assert run(tmp_path, "-m", "ids.cli") == 0
    files = sorted(tmp_path.glob("outputs/wandb/offline-run-*/run-*.wandb"))
    assert len(files) == 2
    killed, whole = map(points_of, files)
    for number in killed.keys() & whole.keys():  # an upload keeps one of them
        assert edit_of(killed[number]) in ({}, edit_of(whole[number]))
    together = [edit_of(point)["edit/step"] for point in whole.values() if edit_of(point)]
    assert sorted(together) == list(range(6))
    assert sum("curve/step" in point for point in whole.values()) == 2
    (sent,) = tmp_path.glob("outputs/mirrored/*.json")
    assert json.loads(sent.read_text())["unconfirmed"] == []  # the next command sends nothing


def edit_of(point: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in point.items() if key.startswith("edit/")}
