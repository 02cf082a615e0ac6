"""Commands with worker processes: started, watched, and what they left."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from conftest import ENVIRONMENT
from whole_store import content

from ids.results.status import read_status
from ids.run import Store
from ids.run.outcomes import read_outcomes

KILLER = """
import os, signal
from dataclasses import dataclass
from pathlib import Path
from ids.editing import NullEdit

@dataclass(frozen=True)
class Killer:
    uses_seed = uses_prompts = True
    anytime = False
    n_ticks = 1

    def __call__(self, context, subject):
        if any(case.id == "dev-0003-colour" for case in subject.cases):
            os.kill(os.getpid(), signal.SIGKILL)
        return NullEdit()(context, subject)
"""


def start(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "ids.cli", *words],
        cwd=folder,
        env=os.environ | ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def n_results(folder: Path) -> int:
    return sum(1 for _ in folder.glob("outputs/results/??/*/job.json"))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def made(folder: Path) -> Counter[str]:
    """How often each edit was made."""
    paths = (folder / "outputs" / "measurements").rglob("*.json")
    return Counter(key for path in paths for key in json.loads(path.read_text())["keys"])


def statuses(folder: Path) -> list[list[str]]:
    run = max((folder / "outputs" / "runs").iterdir())
    return [[line.status for line in one.outcomes] for one in read_outcomes(run)]


def states(folder: Path) -> Counter[str]:
    """How many edits are done, running, failed, left, as `ids status` counts them."""
    counts: Counter[str] = Counter()
    for one in read_status(Store(folder / "outputs")):
        counts.update({state: n for state, n in one.counts.items() if n})
    return counts


def descendants(parent: int, part: bytes) -> list[int]:
    """Process ids below a process whose command has that part."""
    children: dict[int, list[int]] = {}
    commands = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            above = int(path.read_text().rpartition(")")[2].split()[1])
            commands[int(path.parent.name)] = path.with_name("cmdline").read_bytes()
        except OSError:
            continue
        children.setdefault(above, []).append(int(path.parent.name))
    found, todo = [], [parent]
    while todo:
        below = children.get(todo.pop(), [])
        todo += below
        found += [pid for pid in below if part in commands[pid]]
    return found


def assert_whole(folder: Path, serial: dict[str, object], limit: int, twice: int) -> None:
    """The edits of so many cases are those of a single process; at most so many were made twice."""
    found = content(Store(folder / "outputs"))
    assert len(found) == 4 * limit
    assert found.items() <= serial.items()
    assert sum(made(folder).values()) <= len(found) + twice
    assert statuses(folder) == [["ok"] * 2 * limit] * 2
    assert states(folder) == {"done": 4 * limit}
