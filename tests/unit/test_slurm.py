"""Jobs of SLURM: arrays, and jobs left of a command: who waits, and when they have ended."""

import logging
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from ids.config.entry import prepare
from ids.launch import detached, launch, slurm
from ids.launch.detached import FILE
from ids.launch.jobs import Jobs, UnitJob, _Running
from ids.launch.launcher import Command
from ids.launch.slurm import Slurm

WORDS = ("debug=fast", "method.n_steps=2", "logger=none", "controls=none", "limit=1")
WORDS += ("launch=slurm", "launch.cluster=local", "launch.gpus=0")
JOB = ["sh", "-c", "echo started; read end", "submitit"]  # a process of submitit, by its words


@dataclass
class Cluster:
    """An executor whose jobs are processes that do nothing until they are ended."""

    cluster: str = "local"
    jobs: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    arrays: list[int] = field(default_factory=list)  # their sizes

    def map_array(self, _: Any, units: Sequence[str]) -> list[Any]:
        new = [subprocess.Popen(JOB, stdin=PIPE, stdout=PIPE) for _ in units]
        self.jobs += new
        self.arrays.append(len(new))
        for job in new:
            assert job.stdout is not None
            job.stdout.readline()
        return [SimpleNamespace(job_id=str(job.pid)) for job in new]

    def end(self) -> None:
        for job in self.jobs:
            job.communicate()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.chdir(tmp_path)
    cluster = Cluster()
    monkeypatch.setattr(Slurm, "_executor", lambda *_: cluster)
    monkeypatch.setattr(detached, "POLL", 0.0)
    yield cluster
    cluster.end()


def submit(method: str, *words: str) -> None:
    launch(prepare([*WORDS, f"method={method}", "launch.detach=true", *words]))


def command(folder: Path) -> Command:
    return Command([], folder, Path("outputs"), False, 0.0)


def left() -> list[Path]:
    return sorted(Path("outputs/runs").glob(f"*/jobs/{FILE}"))


def test_a_detached_sweep_of_other_settings_is_submitted_beside_jobs_under_way(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    submit("dds")
    submit("sds")
    assert (len(cluster.jobs), len(left())) == (2, 2)
    assert caplog.text == ""
    with caplog.at_level(logging.WARNING):
        submit("dds,sds")
    assert len(cluster.jobs) == 2
    (record,) = caplog.records
    assert record.getMessage().startswith("2 jobs of an earlier command are under way; nothing is ")
    cluster.end()
    submit("dds")
    assert (len(cluster.jobs), len(left())) == (3, 2)


def test_the_process_of_another_program_is_no_job(cluster: Cluster) -> None:
    """The numbers of processes begin again when a machine starts."""
    submit("dds")
    (file,) = left()
    file.write_bytes(msgspec.json.encode(detached.Submitted("local", [str(os.getpid())])))
    submit("dds")
    assert len(cluster.jobs) == 2
    assert not file.exists()


def test_each_job_is_looked_at_as_often_as_submitit_does(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SLURM's accounting is called when a job is new to submitit, then ever more rarely."""
    import submitit

    made: list[str] = []

    class Job:
        def __init__(self, _: Path, job: str) -> None:
            made.append(job)
            self.looks = 0

        def done(self) -> bool:
            self.looks += 1
            return self.looks > 4

    monkeypatch.setattr(submitit, "SlurmJob", Job)
    submit("dds")
    (file,) = left()
    file.write_bytes(msgspec.json.encode(detached.Submitted("slurm", ["7_0", "7_1"])))
    assert detached.wait_for_detached(command(file.parents[1]), wait=True)
    assert made == ["7_0", "7_1"]
    assert not file.exists()


def test_to_continue_at_once_the_file_is_removed(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit("dds")
    (file,) = left()
    monkeypatch.setattr(detached, "time", SimpleNamespace(sleep=lambda _: file.unlink()))
    assert detached.wait_for_detached(command(file.parents[1]), wait=True)


def test_no_array_is_larger_than_clusters_take(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm, "MOST", 2)
    submit("dds", "seeds=[0,1,2]", "engine.batch_size=1")
    assert cluster.arrays == [2, 1]
    (file,) = left()
    ids = [str(job.pid) for job in cluster.jobs]
    assert msgspec.json.decode(file.read_bytes())["jobs"] == ids


def test_the_next_array_follows_when_the_first_leaves_room(tmp_path: Path) -> None:
    """Each array has its own limit of jobs at a time."""
    jobs = Jobs(UnitJob("plan.json", str(tmp_path)), Cluster("slurm"), tmp_path, at_a_time=16)
    for running, free in ((0, 1000), (15, 985), (16, 0), (999, 0)):
        jobs._running = {n: _Running(None) for n in range(running)}
        assert jobs.free() == free
