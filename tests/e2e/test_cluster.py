"""Workers in other processes: the store equals that of a single process, whatever dies."""

import os
import signal
from pathlib import Path

import pytest
from cluster_tools import descendants, is_alive, made, n_results, start, statuses, wait_for
from conftest import Ids
from whole_store import content, leftovers

from ids.run import Store
from ids.run.outcomes import read_outcomes

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
WORDS = ["run", "-m", "debug=fast", "method=sds,dds", "method.n_steps=60", "limit=12"]
WORDS += ["seeds=[0,1]", "engine.batch_size=2", "launch.minutes=0.05"]
WORKER = b"ids.launch.worker"
DEVICES = ["launch=devices", "launch.workers=2"]
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


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("serial")
    running = start(folder, *WORDS)
    _, answer = running.communicate(timeout=300)
    assert running.returncode == 0, answer
    found = content(Store(folder / "outputs"))
    assert len(found) == 2 * 24 + 2 * 12
    return found


def test_devices_fill_the_same_store(tmp_path: Path, serial: dict[str, object]) -> None:
    running = start(tmp_path, *WORDS, *DEVICES)
    _, answer = running.communicate(timeout=300)
    assert running.returncode == 0, answer
    assert content(Store(tmp_path / "outputs")) == serial
    assert set(made(tmp_path).values()) == {1}
    assert leftovers(Store(tmp_path / "outputs")) == []
    assert statuses(tmp_path) == [["ok"] * 48, ["ok"] * 48]
    lines = [line.rpartition(",")[0] for line in answer.splitlines()]
    assert lines == [
        "[1/2] null_edit: 12 of 12 edits, 0 existing",
        "[1/2] true_edit: 12 of 12 edits, 0 existing",
        "[1/2] sds: 24 of 24 edits, 0 existing",
        "[2/2] dds: 24 of 24 edits, 0 existing",
    ]
    logs = [path.read_text() for path in (tmp_path / "outputs" / "runs").glob("*/worker*.log")]
    assert logs == ["", ""]
    again = start(tmp_path, *WORDS, *DEVICES)
    assert "nothing to do, 24 edits exist already" in again.communicate(timeout=100)[1]


def test_killed_workers_are_replaced(tmp_path: Path, serial: dict[str, object]) -> None:
    running = start(tmp_path, *WORDS, *DEVICES)
    for kill in range(1, 6):
        wait_for(lambda at=4 * kill: n_results(tmp_path) >= at or running.poll() is not None)
        for pid in descendants(running.pid, WORKER)[:1]:
            os.kill(pid, signal.SIGKILL)
    _, answer = running.communicate(timeout=300)
    assert running.returncode == 0, answer
    assert content(Store(tmp_path / "outputs")) == serial
    assert sum(made(tmp_path).values()) <= len(serial) + 5 * 2  # a batch per kill
    assert statuses(tmp_path) == [["ok"] * 48, ["ok"] * 48]


def test_a_row_that_kills_its_workers_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "method").mkdir()
    (tmp_path / "killer.py").write_text(KILLER)
    option = "# Kills its process.\nname: killer\n_target_: killer.Killer\n"
    (tmp_path / "method" / "killer.yaml").write_text(option)
    words = ["run", "--config-dir", ".", "debug=fast", "method=killer", "limit=6", *DEVICES]
    running = start(tmp_path, *words, "controls=none", "engine.batch_size=4")
    _, answer = running.communicate(timeout=400)
    assert running.returncode == 1, answer
    (run,) = read_outcomes(max((tmp_path / "outputs" / "runs").iterdir()))
    failed = [line for line in run.outcomes if line.status != "ok"]
    assert [(line.id, line.status) for line in failed] == [("dev-0003-colour", "failed")]
    assert "the process died" in failed[0].reason
    assert len(run.outcomes) == 6


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_the_command(tmp_path: Path, how: signal.Signals) -> None:
    words = [word.replace("n_steps=60", "n_steps=3000") for word in WORDS]
    running = start(tmp_path, *words, *DEVICES)
    wait_for(lambda: n_results(tmp_path) >= 4)
    pids = descendants(running.pid, WORKER)
    assert pids
    running.send_signal(how)
    _, answer = running.communicate(timeout=60)
    wait_for(lambda: not any(map(is_alive, pids)), 20)
    if how == signal.SIGINT:
        assert running.returncode == 130
        assert answer.endswith("the same command continues from there\n")
        assert leftovers(Store(tmp_path / "outputs")) == []


def test_two_launchers_share_a_store(tmp_path: Path, serial: dict[str, object]) -> None:
    both = [start(tmp_path, *WORDS, *DEVICES) for _ in range(2)]
    for running in both:
        _, answer = running.communicate(timeout=400)
        assert running.returncode == 0, answer
    assert content(Store(tmp_path / "outputs")) == serial
    assert sum(made(tmp_path).values()) <= len(serial) + 4 * 2


def test_one_line_where_workers_cannot_start(ids: Ids) -> None:
    done = ids("run", "debug=fast", "launch=devices")
    assert done.returncode == 2
    assert "launch.workers: expected a number on a machine without a GPU" in done.stderr
    done = ids("run", "debug=fast", *DEVICES, "engine.device=cuda:0")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


SLURM = ["launch=slurm", "launch.cluster=local", "launch.jobs=2", "launch.gpus=0"]
RAY = ["launch=ray", "launch.address=local", "launch.workers=2", "launch.gpus=0"]


@pytest.mark.parametrize(
    ("launcher", "process"), [(SLURM, b"submitit.core._submit"), (RAY, b"UnitActor")]
)
def test_a_job_or_actor_is_killed_in_mid_unit(
    tmp_path: Path, serial: dict[str, object], launcher: list[str], process: bytes
) -> None:
    words = [word for word in WORDS if not word.startswith("launch.")]
    running = start(tmp_path, *words, *launcher, "launch.minutes=0.05")
    wait_for(lambda: n_results(tmp_path) >= 4 or running.poll() is not None, 200)
    killed = descendants(running.pid, process)[:1]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    _, answer = running.communicate(timeout=400)
    assert running.returncode == 0, answer
    assert content(Store(tmp_path / "outputs")) == serial
    assert killed
    assert sum(made(tmp_path).values()) <= len(serial) + 2
    assert statuses(tmp_path) == [["ok"] * 48, ["ok"] * 48]
    for folder in (tmp_path / "outputs" / "runs").glob("*/jobs"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_detached_jobs_are_waited_for(tmp_path: Path) -> None:
    words = ["run", "debug=fast", "method=dds", "method.n_steps=3", *SLURM, "controls=none"]
    running = start(tmp_path, *words, "launch.detach=true")
    _, answer = running.communicate(timeout=100)
    assert running.returncode == 0, answer
    assert "jobs submitted; the same command without launch.detach waits for them" in answer
    running = start(tmp_path, *words)
    out, answer = running.communicate(timeout=200)
    assert running.returncode == 0, answer
    assert set(made(tmp_path).values()) == {1}
    assert "dds" in out


def test_one_line_without_a_cluster(ids: Ids) -> None:
    for words, remedy in (
        (["launch=slurm"], "expected sbatch and srun on this machine"),
        (["launch=ray", "launch.address=127.0.0.1:1"], "launch.address: expected a Ray cluster"),
        (["launch=slurm", "launch.jobs=0"], "launch.jobs: expected 1 or more"),
    ):
        done = ids("run", "debug=fast", *words)
        assert done.returncode == 2
        assert remedy in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
