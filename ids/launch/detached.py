"""Jobs that were submitted by a command that has returned."""

import logging
import time
from pathlib import Path

import msgspec

log = logging.getLogger(__name__)
FILE = "submitted.json"
POLL = 2.0  # seconds


class Submitted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The jobs of a command, and the cluster that runs them."""

    cluster: str
    jobs: list[str]


def remember(folder: Path, cluster: str, jobs: list[str]) -> None:
    """Write the jobs of a command into their folder."""
    (folder / FILE).write_bytes(msgspec.json.encode(Submitted(cluster, jobs)))


def wait_for_detached(store: Path, wait: bool) -> bool:
    """Were jobs of earlier commands on this store still under way? Waits until they have ended, if
    `wait`.
    """
    found = [path for path in store.glob(f"runs/*/jobs/{FILE}") if _active(path)]
    if not found:
        return False
    log.warning("jobs of an earlier command are under way: %s", ", ".join(map(str, found)))
    while wait and any(map(_active, found)):
        time.sleep(POLL)
    return True


def _active(file: Path) -> bool:
    """Are jobs of this file queued or running? The file is removed where none is."""
    import submitit

    try:
        submitted = msgspec.json.decode(file.read_bytes(), type=Submitted)
    except (OSError, msgspec.MsgspecError):
        return False
    if submitted.cluster == "local":
        active = any(Path(f"/proc/{job}").exists() for job in submitted.jobs)
    else:
        jobs: list[submitit.SlurmJob[None]] = [
            submitit.SlurmJob(file.parent, job) for job in submitted.jobs
        ]
        active = not all(job.done() for job in jobs)
    if not active:
        file.unlink(missing_ok=True)
    return active
