"""A worker process per GPU of this machine, or several on its CPU."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from ids.core.errors import ConfigError
from ids.launch.dispatch import Dispatch
from ids.launch.here import check_minutes
from ids.launch.launcher import Command
from ids.launch.pool import Hear, Pool
from ids.launch.statement import values_of, write_statement
from ids.run.cut import Bounds
from ids.run.sweep import Sweep
from ids.run.unit import Unit, encode


@dataclass(frozen=True)
class Devices:
    """One worker process per GPU of this machine, or `workers` of them; without a GPU, `workers`
    processes that share its cores. Units take about `minutes`. `ValueError` for a number out of
    range.
    """

    workers: int | None = None
    minutes: float = 1.0

    def __post_init__(self) -> None:
        check_minutes(self.minutes)
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"launch.workers: expected 1 or more; got {self.workers}; change it")

    @property
    def bounds(self) -> Bounds:
        """Small units, so that all workers end at about the same time."""
        return Bounds(60 * self.minutes, len(self.places()))

    def places(self) -> list[Mapping[str, str]]:
        """The environment variables of each worker. `ConfigError` where there is no GPU, and no
        number of workers either.
        """
        gpus = visible_gpus()
        if not gpus and self.workers is None:
            raise ConfigError(
                "launch.workers: expected a number on a machine without a GPU; got null; set "
                f"launch.workers=2 (it has {os.cpu_count()} cores)"
            )
        n_workers = self.workers or len(gpus)
        if gpus:
            return [{"CUDA_VISIBLE_DEVICES": gpus[n % len(gpus)]} for n in range(n_workers)]
        return [threads_of(n_workers)] * n_workers

    def __call__(self, command: Command, sweep: Sweep, units: Iterator[Unit]) -> bool:
        """Have the units done by processes that are started anew where they die."""
        check_devices(command)
        statement, places = write_statement(command), self.places()

        def start(place: int, hear: Hear) -> WorkerProcess:
            return start_process(statement, place, places[place], hear)

        Dispatch(Pool(len(places), start, str(statement.with_name("worker*.log"))), sweep)(units)
        return False


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not torch.cuda.device_count():
        return []
    return named.split(",") if named else [str(n) for n in range(torch.cuda.device_count())]


def threads_of(workers: int) -> Mapping[str, str]:
    """The threads of one of several workers that share the cores, unless they are set already."""
    share = str(max((os.cpu_count() or 1) // workers, 1))
    return {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", share)}


def check_devices(command: Command) -> None:
    """`ConfigError` for a setting that names one GPU: the launcher gives each worker another."""
    for engine in values_of(command, "engine"):
        if ":" in str(engine["device"]):
            raise ConfigError(
                f"engine.device: expected auto, cpu or cuda, since the launcher chooses the GPU; "
                f"got {engine['device']}; leave it out"
            )


@dataclass(eq=False)
class WorkerProcess:
    """A worker in a session of its own: a Ctrl-C goes to the parent alone."""

    popen: "subprocess.Popen[bytes]"

    def send(self, unit: Unit) -> None:
        """Write a unit to its input. One that has just died is reported by its output."""
        assert self.popen.stdin is not None
        with suppress(BrokenPipeError):
            self.popen.stdin.write(encode(unit))
            self.popen.stdin.flush()

    def end(self, busy: bool) -> None:
        """An idle worker ends with its input, a busy one by a signal."""
        assert self.popen.stdin is not None
        if busy:
            self.popen.send_signal(signal.SIGTERM)
        else:
            with suppress(BrokenPipeError):
                self.popen.stdin.close()

    def kill(self, seconds: float) -> None:
        """Kill it if it has not ended after so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(seconds)
        self.popen.kill()
        self.popen.wait()


def start_process(
    statement: Path, place: int, environment: Mapping[str, str], hear: Hear
) -> WorkerProcess:
    """A worker with a new interpreter: a warm parent is never forked."""
    home = str(Path(__file__).parents[2])
    paths = [path for path in (home, os.environ.get("PYTHONPATH")) if path]
    log = statement.with_name(f"worker{place}.log")
    with log.open("ab") as errors:
        popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "ids.launch.worker", str(statement), str(log)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )

    def listen() -> None:
        assert popen.stdout is not None
        for line in popen.stdout:
            hear(line)
        hear(None)

    threading.Thread(target=listen, daemon=True).start()
    return WorkerProcess(popen)
