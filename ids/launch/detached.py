"""Jobs that are left of a command: it has returned before they ended, or was killed."""

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from ids.core.claims import Claims
from ids.launch.launcher import Command
from ids.run.files import write_beside
from ids.run.planned import read_planned, run_claim

log = logging.getLogger(__name__)
FILE = "submitted.json"
POLL = 2.0  # seconds
WAITING = "waiting for them; to continue at once, cancel them and remove their file"
REFUSED = "nothing is submitted; wait for them, or cancel them and remove their file"


class Submitted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The jobs of a command, and the cluster that runs them."""

    cluster: str
    jobs: list[str]


def remember(folder: Path, cluster: str, jobs: list[str]) -> None:
    """Write the jobs of a command into their folder."""
    write_beside(folder / FILE, msgspec.json.encode(Submitted(cluster, jobs)))


def forget(folder: Path) -> None:
    """The jobs of a command have ended, or are cancelled."""
    (folder / FILE).unlink(missing_ok=True)


@runtime_checkable
class Job(Protocol):
    """A job as submitit has it."""

    def done(self) -> bool:
        """Is it neither queued nor running?"""
        ...


@dataclass(frozen=True)
class LocalJob:
    """The process of submitit that runs a job on this machine."""

    process: str

    def done(self) -> bool:
        """Also where its number belongs to another program by now, or it is a zombie."""
        try:
            return b"submitit" not in Path(f"/proc/{self.process}/cmdline").read_bytes()
        except OSError:
            return True


def wait_for_detached(command: Command, wait: bool) -> bool:
    """Were jobs of the same settings left of earlier commands, and under way? Waits until they have
    ended, if `wait`. Jobs of a command that is alive are its own to wait for.
    """
    found = {file: jobs for file in _left(command) if (jobs := _under_way(file))}
    if not found:
        return False
    log.warning(
        "%d jobs of an earlier command are under way; %s: %s",
        sum(map(len, found.values())),
        WAITING if wait else REFUSED,
        ", ".join(map(str, found)),
    )
    for file, jobs in found.items() if wait else ():
        while file.exists() and not all(job.done() for job in jobs):
            time.sleep(POLL)
        forget(file.parent)
    return True


def _left(command: Command) -> list[Path]:
    """The files of jobs whose command has ended, and which make edits of these settings."""
    alive = Claims(command.store / "claims").under_way()
    found = {path.parents[1]: path for path in command.store.glob(f"runs/*/jobs/{FILE}")}
    left = {run: path for run, path in found.items() if run_claim(run) not in alive}
    if not left:
        return []
    settings = _settings(command.store, [command.folder, *left])
    wanted = settings.get(command.folder.name, set())
    return [path for run, path in left.items() if wanted & settings.get(run.name, set())]


def _settings(store: Path, runs: Collection[Path]) -> dict[str, set[str]]:
    """The settings of these runs, by the names of their folders."""
    names, found = {run.name for run in runs}, dict[str, set[str]]()
    for folder, planned in read_planned(store):
        for name in names & {folder.name, folder.parent.name}:
            found.setdefault(name, set()).add(planned.identity)
    return found


def _under_way(file: Path) -> list[Job]:
    """The jobs of this file that are queued or running. The file is removed where none is."""
    jobs = [job for job in _jobs(file) if not job.done()]
    if not jobs:
        forget(file.parent)
    return jobs


def _jobs(file: Path) -> list[Job]:
    """The jobs of this file; none where it is damaged. They are made once: submitit calls SLURM's
    accounting for each new one at once, and then ever more rarely.
    """
    import submitit

    try:
        submitted = msgspec.json.decode(file.read_bytes(), type=Submitted)
    except (OSError, msgspec.MsgspecError):
        return []
    if submitted.cluster == "local":
        return [LocalJob(job) for job in submitted.jobs]
    return [submitit.SlurmJob(file.parent, job) for job in submitted.jobs]
