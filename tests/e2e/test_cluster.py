"""Workers in other processes: the store equals that of a single process, whatever dies."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from cluster_tools import (
    KILLER,
    assert_whole,
    descendants,
    is_alive,
    made,
    n_results,
    start,
    states,
    statuses,
    wait_for,
)
from conftest import ForkServer, Ids
from whole_store import content, leftovers

from ids.results.status import read_status
from ids.run import Store
from ids.run.outcomes import read_outcomes

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
WORDS = ["run", "-m", "debug=fast", "method=sds,dds", "method.n_steps=60", "limit=12"]
WORDS += ["seeds=[0,1]", "engine.batch_size=2", "launch.minutes=0.05"]
WORKER = b"ids.launch.worker"
DEVICES = ["launch=devices", "launch.workers=2"]


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("serial")
    done = Ids(folder, fork_server)(*WORDS)
    assert done.returncode == 0, done.stderr
    found = content(Store(folder / "outputs"))
    assert len(found) == 2 * 24 + 2 * 12
    return found


def test_devices_fill_the_same_store(ids: Ids, serial: dict[str, object]) -> None:
    done, tmp_path = ids(*WORDS, *DEVICES), ids.folder
    assert done.returncode == 0, done.stderr
    assert content(Store(tmp_path / "outputs")) == serial
    assert set(made(tmp_path).values()) == {1}
    assert leftovers(Store(tmp_path / "outputs")) == []
    assert statuses(tmp_path) == [["ok"] * 48, ["ok"] * 48]
    lines = [line.rpartition(",")[0] for line in done.stderr.splitlines()]
    assert lines == [
        "[1/2] null_edit: 12 of 12 edits, 0 existing",
        "[1/2] true_edit: 12 of 12 edits, 0 existing",
        "[1/2] sds: 24 of 24 edits, 0 existing",
        "[2/2] dds: 24 of 24 edits, 0 existing",
    ]
    logs = [path.read_text() for path in (tmp_path / "outputs" / "runs").glob("*/worker*.log")]
    assert logs == ["", ""]
    assert "nothing to do, 24 edits exist already" in ids(*WORDS, *DEVICES).stderr


def test_killed_workers_are_replaced(tmp_path: Path, serial: dict[str, object]) -> None:
    """`ids status` counts right meanwhile."""
    running = start(tmp_path, *WORDS, *DEVICES)
    wait_for(lambda: states(tmp_path)["running"] > 0 or running.poll() is not None)
    seen = states(tmp_path)
    assert seen["done"] <= n_results(tmp_path)
    assert seen["running"] <= 2 * 2
    assert sum(seen.values()) == len(serial)
    assert {one.workers for one in read_status(Store(tmp_path / "outputs"))} == {2}
    for kill in range(1, 6):
        wait_for(lambda at=4 * kill: n_results(tmp_path) >= at or running.poll() is not None)
        for pid in descendants(running.pid, WORKER)[:1]:
            os.kill(pid, signal.SIGKILL)
    _, answer = running.communicate(timeout=300)
    assert running.returncode == 0, answer
    assert content(Store(tmp_path / "outputs")) == serial
    assert sum(made(tmp_path).values()) <= len(serial) + 5 * 2  # a batch per kill
    assert statuses(tmp_path) == [["ok"] * 48, ["ok"] * 48]
    assert states(tmp_path) == {"done": len(serial)}


def test_a_row_that_kills_its_workers_fails_alone(ids: Ids) -> None:
    tmp_path = ids.folder
    (tmp_path / "method").mkdir()
    (tmp_path / "killer.py").write_text(KILLER)
    option = "# Kills its process.\nname: killer\n_target_: killer.Killer\n"
    (tmp_path / "method" / "killer.yaml").write_text(option)
    words = ["run", "--config-dir", ".", "debug=fast", "method=killer", "limit=6", *DEVICES]
    done = ids(*words, "controls=none", "engine.batch_size=2")
    assert done.returncode == 1, done.stderr
    (run,) = read_outcomes(max((tmp_path / "outputs" / "runs").iterdir()))
    failed = [line for line in run.outcomes if line.status != "ok"]
    assert [(line.id, line.status) for line in failed] == [("dev-0003-colour", "failed")]
    assert "the process died" in failed[0].reason
    assert len(run.outcomes) == 6


def test_an_interrupt_stops_the_workers_in_order(tmp_path: Path) -> None:
    words = [word.replace("n_steps=60", "n_steps=3000") for word in WORDS]
    running = start(tmp_path, *words, *DEVICES)
    wait_for(lambda: n_results(tmp_path) >= 4)
    pids = descendants(running.pid, WORKER)
    assert pids
    running.send_signal(signal.SIGINT)
    _, answer = running.communicate(timeout=60)
    wait_for(lambda: not any(map(is_alive, pids)), 20)
    assert running.returncode == 130
    assert answer.endswith("the same command continues from there\n")
    assert leftovers(Store(tmp_path / "outputs")) == []
    assert states(tmp_path)["running"] == 0
    logs = [file.read_text() for file in tmp_path.glob("outputs/runs/*/worker*.log")]
    assert not any("Fatal Python error" in log for log in logs)


def test_two_launchers_share_a_store_and_one_is_killed(
    tmp_path: Path, serial: dict[str, object]
) -> None:
    """Its workers end with it, and the other one does their work, too."""
    killed, other = (start(tmp_path, *WORDS, *DEVICES) for _ in range(2))
    wait_for(lambda: n_results(tmp_path) >= 8 and bool(descendants(killed.pid, WORKER)))
    workers = descendants(killed.pid, WORKER)
    killed.kill()
    killed.communicate()
    wait_for(lambda: not any(map(is_alive, workers)), 20)
    _, answer = other.communicate(timeout=400)
    assert other.returncode == 0, answer
    assert content(Store(tmp_path / "outputs")) == serial
    assert sum(made(tmp_path).values()) <= len(serial) + 4 * 2  # a batch per worker


def test_a_full_disk_ends_a_command_with_workers(ids: Ids, small_disk: Path) -> None:
    """It has room for some results of two workers."""
    subprocess.run(["mount", "-o", "remount,size=400k", str(small_disk)], check=True)
    done = ids(*WORDS, *DEVICES, "logger=none", f"output_dir={small_disk}/outputs")
    assert done.returncode == 1, done.stderr
    found = [line for line in done.stderr.splitlines() if line.startswith("ids: ")]
    assert found == [
        f"ids: StorageError: {small_disk}/outputs: expected a disk that takes files; it is full; "
        "free some space, then give the same command again"
    ]
    assert content(Store(small_disk / "outputs"))


def test_one_line_where_workers_cannot_start(ids: Ids) -> None:
    done = ids("run", "debug=fast", "launch=devices")
    assert done.returncode == 2
    assert "launch.workers: expected a number on a machine without a GPU" in done.stderr
    done = ids("run", "debug=fast", *DEVICES, "engine.device=cuda:0")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


SLURM = ["launch=slurm", "launch.cluster=local", "launch.jobs=2", "launch.gpus=0"]
RAY = ["launch=ray", "launch.address=local", "launch.workers=2", "launch.gpus=0"]


def few(limit: int) -> list[str]:
    """Words for four edits per case. Each job of SLURM is a new process: few cases are enough."""
    return [*(word.replace("limit=12", f"limit={limit}") for word in WORDS), "controls=none"]


def is_at_work(folder: Path) -> bool:
    """Has a job of SLURM begun its unit, or any worker made edits?"""
    return any(folder.glob("outputs/runs/*/jobs/unit*.jsonl")) or n_results(folder) >= 4


@pytest.mark.parametrize(
    ("launcher", "process", "limit"),
    [(SLURM, b"submitit.core._submit", 2), (RAY, b"UnitActor", 6)],
    ids=["slurm", "ray"],
)
def test_a_job_or_actor_is_killed_in_mid_unit(
    tmp_path: Path, serial: dict[str, object], launcher: list[str], process: bytes, limit: int
) -> None:
    running = start(tmp_path, *few(limit), *launcher)
    wait_for(lambda: is_at_work(tmp_path) or running.poll() is not None)
    seen = states(tmp_path)
    assert seen["left"] + seen["running"] > 0
    assert sum(seen.values()) == 4 * limit
    killed = descendants(running.pid, process)[:1]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    _, answer = running.communicate(timeout=400)
    assert running.returncode == 0, answer
    assert killed
    assert_whole(tmp_path, serial, limit, twice=2)
    for folder in (tmp_path / "outputs" / "runs").glob("*/jobs"):
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("launcher", "limit"), [(DEVICES, 6), (SLURM, 2), (RAY, 6)], ids=["devices", "slurm", "ray"]
)
def test_the_same_line_finishes_a_killed_command(
    tmp_path: Path, serial: dict[str, object], launcher: list[str], limit: int
) -> None:
    """Its workers and the cluster of Ray end with it. Jobs of SLURM end their units: the next
    command waits for them.
    """
    words, slurm = [*few(limit), *launcher], launcher is SLURM
    killed = start(tmp_path, *words)
    wait_for(lambda: is_at_work(tmp_path) or killed.poll() is not None)
    below = descendants(killed.pid, b"")
    for pid in below if slurm else ():
        os.kill(pid, signal.SIGSTOP)  # until the next command has seen them
    killed.kill()
    killed.wait()
    assert n_results(tmp_path) < 4 * limit
    again = start(tmp_path, *words)
    assert again.stderr is not None
    first = again.stderr.readline()
    assert ("of an earlier command are under way; waiting for them" in first) == slurm, first
    for pid in below if slurm else ():
        os.kill(pid, signal.SIGCONT)
    _, answer = again.communicate(timeout=400)
    assert again.returncode == 0, answer
    assert_whole(tmp_path, serial, limit, twice=0 if slurm else 2 * 2)  # a batch per worker
    left = {path.name for path in leftovers(Store(tmp_path / "outputs"))}
    assert all(any(is_alive(pid) and name.startswith(f"{pid}-") for pid in below) for name in left)
    wait_for(lambda: not any(map(is_alive, below)), 120)  # Ray's agents look for it for a minute


def test_detached_jobs_are_waited_for(ids: Ids) -> None:
    words = ["run", "debug=fast", "method=dds", "method.n_steps=3", *SLURM, "controls=none"]
    words += ["limit=2", "engine.batch_size=1"]  # two jobs
    done = ids(*words, "launch.detach=true")
    assert done.returncode == 0, done.stderr
    assert "2 jobs submitted; the same command without launch.detach waits" in done.stderr
    done = ids(*words)
    assert done.returncode == 0, done.stderr
    assert set(made(ids.folder).values()) == {1}
    assert "dds" in done.stdout


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
