"""Units as jobs of SLURM, by submitit."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from ids.core.errors import ConfigError
from ids.launch.detached import wait_for_detached
from ids.launch.devices import check_devices
from ids.launch.dispatch import Dispatch
from ids.launch.here import check_minutes
from ids.launch.jobs import MOST, Jobs, UnitJob
from ids.launch.launcher import Command
from ids.launch.statement import write_statement
from ids.run.cut import Bounds
from ids.run.sweep import Sweep
from ids.run.unit import Unit

MISSING = "launch={0}: expected the package {1}; got none; pip install 'ids-editing[{2}]'"


@dataclass(frozen=True)
class Slurm:
    """Job arrays with a unit per job, at most `jobs` of an array at a time. Units take about
    `minutes`, jobs may take `time_minutes`: one that reaches them, or is preempted, is queued again
    and goes on with what its unit lacks. `gres` replaces `gpus`; `extra` are further options of
    sbatch. With `detach` the command returns once the jobs are submitted. `ValueError` for a number
    out of range.
    """

    cluster: Literal["slurm", "local"] = "slurm"
    jobs: int = 16
    minutes: float = 10.0
    time_minutes: int = 240
    partition: str | None = None
    qos: str | None = None
    account: str | None = None
    gres: str | None = None
    gpus: int = 1
    cpus: int = 4
    memory_gb: float | None = None
    extra: Sequence[str] = ()
    detach: bool = False

    def __post_init__(self) -> None:
        check_minutes(self.minutes)
        for option in self.extra:
            _pair(option)
        for name, least in (("jobs", 1), ("time_minutes", 1), ("gpus", 0), ("cpus", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"launch.{name}: expected {least} or more; got {getattr(self, name)}"
                )

    @property
    def bounds(self) -> Bounds:
        """Long units: each is a job, which loads the backbone. `ConfigError` without submitit or
        SLURM.
        """
        try:
            import submitit  # noqa: F401
        except ImportError as error:
            raise ConfigError(MISSING.format("slurm", "submitit", "launch")) from error
        missing = [name for name in ("sbatch", "srun") if shutil.which(name) is None]
        if self.cluster == "slurm" and missing:
            raise ConfigError(
                f"launch=slurm: expected {' and '.join(missing)} on this machine; found none; give "
                "the command on a login node of the cluster, or take launch=devices"
            )
        return Bounds(60 * self.minutes, self.jobs)

    def __call__(self, command: Command, sweep: Sweep, units: Iterator[Unit]) -> bool:
        """Submit the units as jobs and follow them; jobs of an earlier command come first."""
        check_devices(command)
        if wait_for_detached(command, wait=not self.detach):
            return not self.detach
        statement = write_statement(command)
        folder = private_folder(command.folder / "jobs")
        crew = Jobs(UnitJob(str(statement), str(folder)), self._executor(folder), folder, self.jobs)
        if self.detach:
            while array := list(islice(units, MOST)):
                crew.give(array)
            sweep.progress.print(
                f"{crew.n_running} jobs submitted; the same command without launch.detach "
                "waits for them"
            )
            return False
        Dispatch(crew, sweep)(units)
        return False

    def _executor(self, folder: Path) -> Any:
        """The executor of submitit. `ConfigError` for a value that it does not take."""
        import submitit

        executor = submitit.AutoExecutor(folder=folder, cluster=self.cluster)
        try:
            executor.update_parameters(**self._parameters())
        except (NameError, ValueError, TypeError) as error:
            raise ConfigError(f"launch: {str(error).splitlines()[0]}; change the value") from error
        return executor

    def _parameters(self) -> dict[str, Any]:
        general: dict[str, Any] = {
            "name": "ids",
            "timeout_min": self.time_minutes,
            "cpus_per_task": self.cpus,
            "stderr_to_stdout": True,
        }
        if self.gres is None:
            general["gpus_per_node"] = self.gpus
        if self.memory_gb is not None:
            general["mem_gb"] = self.memory_gb
        of_slurm = {
            "partition": self.partition,
            "qos": self.qos,
            "account": self.account,
            "gres": self.gres,
            "additional_parameters": dict(map(_pair, self.extra)) or None,
            "array_parallelism": self.jobs,
        }
        return general | {f"slurm_{k}": v for k, v in of_slurm.items() if v is not None}


def _pair(option: str) -> tuple[str, str]:
    """`constraint=a100` as a name and a value. `ValueError` for any other text."""
    name, equals, value = option.partition("=")
    if not (name and equals):
        raise ValueError(f"launch.extra: expected options as name=value; got {option[:60]!r}")
    return name, value


def private_folder(folder: Path) -> Path:
    """A folder of this user alone: submitit reads pickled files from it."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o700)
    return folder.absolute()
