"""How the edits of a run ended: a record beside the store, in `runs/<time>/`."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from ids.core.storage import patiently
from ids.run.execute import Outcome
from ids.run.files import write_beside
from ids.run.records import Manifest
from ids.run.sealed import SCHEMA_VERSION, read, seal

FILE = "outcomes.json"


class OutcomeLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One edit of a run and its case. Key and case are empty for a row that cannot be edited."""

    key: str
    case: str
    id: str
    status: str
    reason: str = ""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One setting of a run, and the data set as it was read."""

    schema_version: int = SCHEMA_VERSION
    name: str
    outcomes: list[OutcomeLine]
    manifest: Manifest


def new_run_folder(output_dir: Path) -> Path:
    """The folder of a run that starts now; not created yet."""
    return output_dir / "runs" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")


def write_outcomes(
    folder: Path, name: str, outcomes: Sequence[Outcome], manifest: Manifest
) -> None:
    """Write `outcomes.json`: every outcome, then the rows that cannot be edited."""
    lines = [
        OutcomeLine(
            key=o.job.key,
            case=o.job.case.digest,
            id=o.job.case.id,
            status=o.status,
            reason=o.reason,
        )
        for o in outcomes
    ]
    lines += [
        OutcomeLine(key="", case="", id=row.id, status="failed", reason=row.problem)
        for row in manifest.rows
        if row.problem
    ]
    record = RunRecord(name=name, outcomes=lines, manifest=manifest)
    patiently(lambda: write_beside(folder / FILE, seal(record)))


def read_outcomes(folder: Path) -> list[RunRecord]:
    """The record of every setting of a run, in order. `Unusable` where a file is damaged."""
    found = [read(path, RunRecord) for path in sorted(folder.rglob(FILE), key=_number)]
    return [record for record in found if record is not None]


def _number(path: Path) -> tuple[int, str]:
    """Settings are numbered: 10 comes after 9."""
    name = path.parent.name
    return (int(name) if name.isdigit() else -1, str(path))
