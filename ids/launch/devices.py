"""A worker process per GPU of this machine, or several on its CPU."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch

import ids
from ids.core.errors import ConfigError
from ids.launch.dispatch import Dispatch, Lost
from ids.launch.here import check_minutes
from ids.launch.launcher import Command
from ids.launch.statement import values_of, write_statement
from ids.run.cut import Bounds
from ids.run.sweep import Sweep
from ids.run.unit import Ready, Report, Unit, decode_report, encode, UnitEnd

MAX_STARTS = 3  # of workers that end before they are ready, one after another
PATIENCE = 10.0  # seconds that workers have to release their claims


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
            raise ValueError(f"launch.workers: expected 1 or more; got {self.workers}")

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

    def __call__(self, command: Command, sweep: Sweep, units: Iterator[Unit]) -> None:
        """Have the units done by processes that are started anew where they die."""
        check_devices(command)
        statement = write_statement(command)
        Dispatch(_Processes(statement, self.places()), sweep)(units)


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


class _Event(NamedTuple):
    """A line of a worker; None where its output has ended."""

    process: "_Process"
    line: bytes | None


@dataclass(eq=False)
class _Process:
    """One worker process, in a session of its own: a Ctrl-C goes to the parent alone."""

    popen: "subprocess.Popen[bytes]"
    place: int
    unit: int | None = None
    ready: bool = False


@dataclass
class _Processes:
    """Worker processes, one per place; a place without a process gets one with its next unit."""

    statement: Path
    places: Sequence[Mapping[str, str]]
    _alive: dict[int, _Process] = field(default_factory=dict)
    _events: "queue.Queue[_Event]" = field(default_factory=queue.Queue)
    _failed_starts: int = 0

    def free(self) -> int:
        """Places whose worker is idle, or not started."""
        return len(self.places) - sum(one.unit is not None for one in self._alive.values())

    def give(self, units: Sequence[Unit]) -> None:
        """A unit to each of some idle workers."""
        idle = [n for n in range(len(self.places)) if self._is_idle(n)]
        for place, unit in zip(idle, units, strict=False):
            process = self._alive.get(place) or self._start(place)
            process.unit = unit.number
            assert process.popen.stdin is not None
            with suppress(BrokenPipeError):  # it has just died: its end of output is reported
                process.popen.stdin.write(encode(unit))
                process.popen.stdin.flush()

    def wait(self) -> list[Report | Lost]:
        """The reports of all workers."""
        found: list[Report | Lost] = []
        with suppress(queue.Empty):
            found += self._heard(self._events.get(timeout=1.0))
            while True:
                found += self._heard(self._events.get_nowait())
        return found

    def stop(self) -> None:
        """Idle workers end with their input, busy ones by a signal; late ones are killed."""
        for process in self._alive.values():
            assert process.popen.stdin is not None
            if process.unit is not None:
                process.popen.send_signal(signal.SIGTERM)
            else:
                with suppress(BrokenPipeError):
                    process.popen.stdin.close()
        deadline = time.monotonic() + PATIENCE
        for process in self._alive.values():
            with suppress(subprocess.TimeoutExpired):
                process.popen.wait(max(deadline - time.monotonic(), 0.1))
            process.popen.kill()
            process.popen.wait()
        self._alive.clear()

    def _is_idle(self, place: int) -> bool:
        return place not in self._alive or self._alive[place].unit is None

    def _start(self, place: int) -> _Process:
        """A process with a new interpreter: a warm parent is never forked."""
        home = str(Path(ids.__file__).parents[1])
        paths = [path for path in (home, os.environ.get("PYTHONPATH")) if path]
        log = self.statement.with_name(f"worker{place}.log")
        popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "ids.launch.worker", str(self.statement), str(log)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | self.places[place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("ab"),
            start_new_session=True,
        )
        process = self._alive[place] = _Process(popen, place)
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        return process

    def _listen(self, process: _Process) -> None:
        assert process.popen.stdout is not None
        for line in process.popen.stdout:
            self._events.put(_Event(process, line))
        self._events.put(_Event(process, None))

    def _heard(self, event: _Event) -> list[Report | Lost]:
        process = event.process
        if event.line is None:
            return self._ended(process)
        try:
            report = decode_report(event.line)
        except msgspec.MsgspecError:  # the last line of a killed worker
            return []
        if isinstance(report, Ready):
            process.ready, self._failed_starts = True, 0
        if isinstance(report, UnitEnd):
            process.unit = None
        return [report]

    def _ended(self, process: _Process) -> list[Report | Lost]:
        """A worker has died. `ConfigError` where none gets ready."""
        process.popen.wait()
        if self._alive.get(process.place) is process:
            del self._alive[process.place]
        self._failed_starts += not process.ready
        if self._failed_starts >= MAX_STARTS:
            raise ConfigError(
                f"launch: expected workers that start; {MAX_STARTS} ended before; see "
                f"{self.statement.with_name(f'worker{process.place}.log')}"
            )
        return [] if process.unit is None else [Lost(process.unit)]
