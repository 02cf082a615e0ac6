"""Units on a Ray cluster: an actor per worker."""

import importlib.util
import logging
import os
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ids.core.errors import ConfigError
from ids.launch.devices import check_devices
from ids.launch.dispatch import Dispatch
from ids.launch.here import check_minutes
from ids.launch.launcher import Command
from ids.launch.pool import Hear, Pool
from ids.launch.remote import open_worker
from ids.launch.slurm import MISSING
from ids.launch.statement import write_statement
from ids.run.cut import Bounds
from ids.run.sweep import Sweep
from ids.run.unit import Ready, Report, Unit, UnitEnd, decode_unit, encode

PRIVATE = {  # set before Ray is imported
    "RAY_AUTH_MODE": "disabled",  # else it writes a token into the home folder
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
LISTENS = 10.0  # seconds for a listener to learn that its actor is dead


@dataclass(frozen=True)
class Ray:
    """Actors of the Ray cluster at `address`, each with so many `gpus` and `cpus`; `local` starts a
    cluster of this machine on loopback, without a dashboard, that ends with the command. `workers`
    is the number of actors; None: one per GPU. `ValueError` for a number out of range.
    """

    address: str = "auto"
    workers: int | None = None
    gpus: float = 1.0
    cpus: float = 1.0
    minutes: float = 2.0

    def __post_init__(self) -> None:
        check_minutes(self.minutes)
        for name, value in (("workers", self.workers), ("cpus", self.cpus)):
            if value is not None and not value > 0:
                raise ValueError(
                    f"launch.{name}: expected a number above 0; got {value}; change it"
                )
        if self.gpus < 0:
            raise ValueError(f"launch.gpus: expected 0 or more; got {self.gpus}; change it")

    @property
    def bounds(self) -> Bounds:
        """`ConfigError` without Ray."""
        if importlib.util.find_spec("ray") is None:
            raise ConfigError(MISSING.format("ray", "ray", "ray"))
        if self.address == "local" and self.workers is None:
            raise ConfigError("launch.workers: expected a number for a local cluster; got null")
        if not self.gpus and self.workers is None:
            raise ConfigError(
                "launch.workers: expected a number with launch.gpus=0; got null; set "
                "launch.workers=N"
            )
        return Bounds(60 * self.minutes, self.workers or 8)

    def __call__(self, command: Command, sweep: Sweep, units: Iterator[Unit]) -> bool:
        """Have the units done by actors that are started anew where they die."""
        check_devices(command)
        statement = write_statement(command)
        ray = self._connected()
        try:
            n_workers = self.workers or self._gpus(ray)
            options = {"num_gpus": self.gpus, "num_cpus": self.cpus, "max_concurrency": 2}
            actor = ray.remote(UnitActor).options(**options)

            def start(_: int, hear: Hear) -> ActorChannel:
                return ActorChannel(ray, actor.remote(str(statement)), hear)

            Dispatch(Pool(n_workers, start, "the logs of Ray"), sweep)(units)
        finally:
            ray.shutdown()
        return False

    def _connected(self) -> Any:
        """Ray, connected. `ConfigError` where there is no cluster at the address."""
        for name, value in PRIVATE.items():
            os.environ.setdefault(name, value)
        import ray

        _check_address(self.address)
        here: dict[str, Any] = {}
        if self.address == "local":
            n_workers = self.workers or 1
            here = {
                "num_cpus": max(int(n_workers * self.cpus), n_workers),
                "include_dashboard": False,
                "_node_ip_address": "127.0.0.1",
            }
        try:
            ray.init(
                address=self.address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=True,
                **here,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"launch.address: expected a Ray cluster at {self.address}; "
                f"{(str(error).strip().splitlines() or ['none answers'])[0][:200]}; start one with "
                "`ray start --head`, or take launch.address=local"
            ) from error
        return ray

    def _gpus(self, ray: Any) -> int:
        n_workers = int(ray.cluster_resources().get("GPU", 0) / self.gpus)
        if not n_workers:
            raise ConfigError(
                "launch.workers: expected a number on a cluster without GPUs; got null; set "
                "launch.workers=N launch.gpus=0"
            )
        return n_workers


def _check_address(address: str) -> None:
    """`ConfigError` where no process listens at HOST:PORT: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"launch.address: expected a Ray cluster at {address}; {error}; start one with "
            "`ray start --head`, or take launch.address=local"
        ) from error


class UnitActor:
    """The worker's side: does units and yields the lines of their reports."""

    def __init__(self, statement: str) -> None:
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._remote = open_worker(Path(statement), self._put)
        self._worker = self._remote.worker()

    def lines(self, unit: bytes) -> Iterator[bytes]:
        """The reports of a unit, as they come."""
        yield encode(Ready())
        threading.Thread(target=self._work, args=(unit,), daemon=True).start()
        while (line := self._lines.get()) is not None:
            yield line

    def close(self) -> None:
        """Remove unfinished files."""
        self._remote.close()

    def _put(self, report: Report) -> None:
        self._lines.put(encode(report))

    def _work(self, unit: bytes) -> None:
        one = decode_unit(unit)
        try:
            self._worker(one)
            self._put(UnitEnd(one.number))
        finally:
            self._lines.put(None)


@dataclass(eq=False)
class ActorChannel:
    """An actor as a worker of a pool."""

    ray: Any
    actor: Any
    hear: Hear
    _closed: Any = None
    _listener: threading.Thread | None = None

    def send(self, unit: Unit) -> None:
        """Have a unit done; its lines are heard as they come."""
        lines = self.actor.lines.options(num_returns="streaming").remote(encode(unit))
        self._listener = threading.Thread(target=self._listen, args=(lines,), daemon=True)
        self._listener.start()

    def end(self, busy: bool) -> None:
        """An idle actor removes its files; a busy one is killed."""
        if busy:
            self.kill(0.0)
        else:
            self._closed = self.actor.close.remote()

    def kill(self, seconds: float) -> None:
        """Kill it; the kernel releases its claims. Nothing is listened to afterwards: Ray ends the
        process with status 1 where a thread uses it after its shutdown.
        """
        with suppress(Exception):  # it may have ended
            if self._closed is not None:
                self.ray.get(self._closed, timeout=max(seconds, 0.1))
        with suppress(Exception):
            self.ray.kill(self.actor)
        if self._listener is not None:
            self._listener.join(LISTENS)

    def _listen(self, lines: Any) -> None:
        try:
            for line in lines:
                self.hear(self.ray.get(line))
        except Exception:  # the actor has died, or the command ends
            self.hear(None)
