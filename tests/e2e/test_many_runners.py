"""Many processes, one store: none fails, hardly any edit is made twice, and after any kill the
store equals that of a single process.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import ENVIRONMENT, ROOT, Ids

from ids.run import Store

SWEEP = ["debug=fast", "method=sds,dds", "method.n_steps=100", "limit=16"]
SWEEP += ["seeds=[0,1]", "engine.batch_size=2", "~metrics.ssim", "~metrics.ssim_background"]


def swarm(folder: Path, commands: list[list[str]], kills: int = 0) -> dict[str, Any]:
    program = Path(ROOT, "tests", "swarm.py")
    request = json.dumps({"commands": commands, "kills": kills, "seed": 0})
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


def content(store: Store) -> dict[str, Any]:
    """Everything that must not depend on the process or the time."""
    found = {}
    for key in store.all_keys():
        look = store.look(key, content=True)
        assert look.record is not None, look.problem
        metrics = {}
        for path in sorted(store.folder(key).glob("metrics-*.json")):
            values = json.loads(path.read_text())["values"]
            metrics[path.name] = {name: round(v["value"], 3) for name, v in values.items()}
        found[key] = (look.status, (store.folder(key) / "edit.png").read_bytes(), metrics)
    return found


def leftovers(store: Store) -> list[Path]:
    places = (store.root / name for name in ("claims", "partial", "aside"))
    return [path for place in places for path in place.rglob("*")]


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
    paths = (tmp_path / "outputs" / "measurements").rglob("*.json")
    edits = Counter(key for path in paths for key in json.loads(path.read_text())["keys"])
    assert sum(edits.values()) <= len(serial) + 4 * 2  # one batch a process
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
