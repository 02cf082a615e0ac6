"""The plan of each setting of a run, in `runs/<time>/`: what `ids status` counts in the store."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from ids.core.errors import IdsError
from ids.core.records import digest_of
from ids.core.storage import patiently
from ids.core.unexpected import unexpected
from ids.run.costs import estimated_nfe
from ids.run.experiment import Experiment
from ids.run.files import write_beside
from ids.run.job import normalize_numbers
from ids.run.plan import Part
from ids.run.sealed import SCHEMA_VERSION, Unusable, read, seal
from ids.run.unit import Broke, JobRef, broke, reference

JOBS, ERROR = "jobs.json", "error.json"
# Groups and keys that change neither the jobs of a setting nor their results.
ASIDE = ["launch", "engine", "logger", "metrics", "metric", "clip", "controls", "output_dir"]
ASIDE += ["keep_every", "retry_failed", "force"]


class PlannedPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The jobs of one method or control. `setting` and `backbone` are keys, `nfe` is that of one
    edit, estimated; `unsupported` is the reason why none can be made.
    """

    method: str
    setting: str
    backbone: str
    nfe: float
    unsupported: str
    metrics: list[str]  # keys that each edit is to have
    jobs: list[JobRef]


class PlannedSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One setting of a run. Settings of one `identity` have the same jobs, as long as their data
    set stays the same. `problems` are the ids of rows that cannot be edited, and why.
    """

    schema_version: int = SCHEMA_VERSION
    identity: str
    name: str  # of the method
    dataset: str
    began: float  # seconds since 1970
    force: bool
    retry_failed: bool
    workers: int
    parts: list[PlannedPart]
    problems: list[tuple[str, str]]


def identity(experiment: Experiment) -> str:
    """Digest of everything that decides the jobs of a setting but the rows of its data set."""
    values = {key: node for key, node in experiment.config.items() if key not in ASIDE}
    method = experiment.method.name, normalize_numbers(experiment.method.method)
    return digest_of([*method, experiment.dataset.name, values])


def words_aside(words: Sequence[str]) -> list[str]:
    """The words that decide the jobs of a setting."""
    return [word for word in words if re.split(r"[.=]", word.lstrip("+~"))[0] not in ASIDE]


def run_claim(folder: Path) -> str:
    """The claim that a command holds as long as its run lasts, by the folder of the run."""
    return f"run-{folder.name}"


def write_planned(
    folder: Path, experiment: Experiment, parts: Sequence[Part], workers: int
) -> None:
    """Write the plan of a setting atomically; without parts where it could not be planned."""
    rows = experiment.survey().manifest.rows if parts else []
    content = PlannedSetting(
        identity=identity(experiment),
        name=experiment.method.name,
        dataset=experiment.dataset.name,
        began=experiment.session.began,
        force=experiment.force,
        retry_failed=experiment.retry_failed,
        workers=workers,
        parts=[_planned(part) for part in parts],
        problems=[(row.id, row.problem) for row in rows if row.problem],
    )
    patiently(lambda: write_beside(folder / JOBS, seal(content)))


def write_error(folder: Path, error: Exception) -> None:
    """Write the error that breaks a setting off; the traceback of an unexpected one is beside
    it.
    """
    known = error if isinstance(error, IdsError) else unexpected(error, folder)
    with suppress(OSError):  # a full disk: the terminal shows the error
        write_beside(folder / ERROR, seal(broke(0, known)))


def read_planned(output_dir: Path) -> Iterator[tuple[Path, PlannedSetting]]:
    """The folder and plan of every setting of every run, the oldest run first. Files that are no
    plan are left out.
    """
    for path in sorted(output_dir.glob(f"runs/**/{JOBS}"), key=_place):
        with suppress(Unusable):
            if (found := read(path, PlannedSetting)) is not None:
                yield path.parent, found


def read_error(folder: Path) -> Broke | None:
    """The error that broke a setting off; None where none did."""
    with suppress(Unusable):
        return read(folder / ERROR, Broke)
    return None


def _planned(part: Part) -> PlannedPart:
    return PlannedPart(
        method=part.spec.name,
        setting=part.key.key,
        backbone=part.key.backbone_key,
        nfe=estimated_nfe(part.spec.editor),
        unsupported=part.unsupported,
        metrics=sorted(part.metrics),
        jobs=[reference(job) for job in part.jobs],
    )


def _place(path: Path) -> tuple[str, int]:
    """The run, and the number of the setting: 10 follows 9."""
    name = path.parent.name
    return (path.parent.parent.name, int(name)) if name.isdigit() else (name, -1)
