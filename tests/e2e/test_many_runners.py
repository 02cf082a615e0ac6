"""Many processes, one store: none fails, hardly any edit is made twice, and after any kill the
store equals that of a single process.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cluster_tools import made, start, wait_for
from conftest import ENVIRONMENT, ROOT, Ids
from whole_store import content, leftovers

from ids.run import Store

SWEEP = ["debug=fast", "method=sds,dds", "method.n_steps=100", "limit=16"]
SWEEP += ["seeds=[0,1]", "engine.batch_size=2", "~metrics.ssim", "~metrics.ssim_background"]


def swarm(
    folder: Path, commands: list[list[str]], kills: int = 0, every: int = 4
) -> dict[str, Any]:
    program = Path(ROOT, "tests", "swarm.py")
    request = json.dumps({"commands": commands, "kills": kills, "every": every, "seed": 0})
    done = subprocess.run(
        [sys.executable, str(program), request],
        cwd=folder,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def errors(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted(folder.glob("runner*.err")))


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("serial")
    assert swarm(folder, [SWEEP])["codes"] == [0], errors(folder)
    found = content(Store(folder / "outputs"))
    assert len(found) == 64 + 32  # two methods, 16 cases, two seeds; null and true edit
    return found


@pytest.mark.slow
def test_four_runners_of_one_sweep(tmp_path: Path, serial: dict[str, Any]) -> None:
    assert swarm(tmp_path, [SWEEP] * 4)["codes"] == [0] * 4, errors(tmp_path)
    store = Store(tmp_path / "outputs")
    assert content(store) == serial
    assert sum(made(tmp_path).values()) <= len(serial) + 4 * 2  # one batch a process
    assert leftovers(store) == []


@pytest.mark.slow
def test_two_methods_with_the_same_controls(tmp_path: Path) -> None:
    words = ["debug=fast", "method.n_steps=20", "limit=8"]
    commands = [[*words, f"method={method}"] for method in ("sds", "dds")]
    assert swarm(tmp_path, commands)["codes"] == [0, 0], errors(tmp_path)
    assert len(content(Store(tmp_path / "outputs"))) == 4 * 8


@pytest.mark.slow
def test_twenty_killed_among_four(tmp_path: Path, ids: Ids, serial: dict[str, Any]) -> None:
    done = swarm(tmp_path, [SWEEP] * 4, kills=20)
    assert done["killed"] == 20
    assert set(done["codes"]) == {0}, errors(tmp_path)
    assert ids("run", "-m", *SWEEP).returncode == 0
    store = Store(tmp_path / "outputs")
    assert content(store) == serial
    assert leftovers(store) == []


SWEEP_OF_200 = ["debug=fast", "controls=none", "method=sds,dds", "method.n_steps=40"]
SWEEP_OF_200 += ["dataset.count=50", "limit=50", "seeds=[0,1]", "engine.batch_size=2"]
SWEEP_OF_200 += ["~metrics.ssim", "~metrics.ssim_background"]


@pytest.mark.slow
def test_fifty_killed_in_a_sweep_of_two_hundred(tmp_path: Path) -> None:
    """Nothing is made twice but what was under way at a kill."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert swarm(whole, [SWEEP_OF_200])["codes"] == [0], errors(whole)
    done = swarm(killed, [SWEEP_OF_200] * 2, kills=50, every=2)
    assert done["killed"] == 50
    assert done["codes"] == [0, 0], errors(killed)
    found = content(Store(killed / "outputs"))
    assert len(found) == 200
    assert found == content(Store(whole / "outputs"))
    assert leftovers(Store(killed / "outputs")) == []
    assert set(made(whole).values()) == {1}
    assert made(killed) - Counter(done["hit"]) <= Counter(found.keys())


KEY = re.compile("[0-9a-f]{32}")
PHASES: dict[str, Callable[[Path], bool]] = {  # of a command, by what it has written
    "planned": lambda out: any(out.glob("runs/*/*/jobs.json")),
    "the first edit": lambda out: any(map(KEY.fullmatch, Store(out).claims.under_way())),
    "some edits": lambda out: sum(1 for _ in out.glob("results/??/*")) >= 20,
    "the second setting": lambda out: any(out.glob("runs/*/0/outcomes.json")),
    "the report": lambda out: any(out.glob("runs/*/1/outcomes.json")),
}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_command_killed_in_five_phases_goes_on(ids: Ids, serial: dict[str, Any]) -> None:
    ended, out = Counter[int](), ids.folder / "outputs"
    for has_come in PHASES.values():
        shutil.rmtree(out / "runs", ignore_errors=True)
        running = start(ids.folder, "run", "-m", *SWEEP)
        wait_for(partial(reached, running, has_come, out))
        running.kill()
        running.communicate()
        ended[running.returncode] += 1
    assert ended[-signal.SIGKILL] >= 4, ended  # the last phase is short
    done = ids("run", "-m", *SWEEP)
    assert done.returncode == 0, done.stderr
    assert content(ids.store()) == serial
    assert sum(made(ids.folder).values()) <= len(serial) + 5 * 2  # a batch per kill
    assert leftovers(ids.store()) == []


def reached(running: "subprocess.Popen[str]", phase: Callable[[Path], bool], out: Path) -> bool:
    return phase(out) or running.poll() is not None
