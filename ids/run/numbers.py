"""Numbers of edits: metrics by edit and case, measurements by edit and engine."""

import hashlib
import logging
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from ids.core.claims import Scratch
from ids.core.numbers import to_number
from ids.core.records import Measurement
from ids.run import files
from ids.run.records import MeasurementRecord, MetricsRecord, Origin
from ids.run.sealed import T, Unusable, read, seal

log = logging.getLogger(__name__)
CASE_DIGITS = 16  # of a case's digest, in the name of its metrics' file


@dataclass(frozen=True)
class Numbers:
    """Numbers of the results below `root`. A damaged file is logged and left out: its numbers are
    computed again.
    """

    root: Path
    scratch: Scratch

    def metrics(self, key: str, case: str) -> MetricsRecord:
        """Metrics of an edit on a case; an empty record where nothing is known."""
        found = _usable(self._metrics_name(key, case), MetricsRecord)
        if found is None or (found.key, found.case) != (key, case):
            return MetricsRecord(key=key, case=case)
        return found

    def add_metrics(self, new: MetricsRecord) -> None:
        """Add to the metrics that are known. The caller holds the claim of the edit."""
        known = self.metrics(new.key, new.case)
        same_steps = not new.steps or known.steps == new.steps
        along = {**known.along, **new.along} if same_steps else new.along
        merged = MetricsRecord(
            key=new.key,
            case=new.case,
            values={**known.values, **new.values},
            steps=new.steps or known.steps,
            along=along,
            origins=[*_still_valid(known.origins, new.values.keys()), *new.origins],
        )
        self.write(self.metrics_path(new.key, new.case), seal(merged))

    def metrics_path(self, key: str, case: str) -> Path:
        """The file of an edit's metrics on a case."""
        return Path(self._metrics_name(key, case))

    def _metrics_name(self, key: str, case: str) -> str:
        """As text: there are many, and paths are slow to build."""
        return f"{self.root}/results/{key[:2]}/{key}/metrics-{case[:CASE_DIGITS]}.json"

    def put_measurement(
        self,
        engine: str,
        description: Mapping[str, str | int],
        keys: Sequence[str],
        taken: Measurement,
    ) -> None:
        """Store what a batch took. `engine` is the folder of comparable measurements."""
        record = MeasurementRecord(
            keys=list(keys),
            engine=dict(description),
            seconds=taken.seconds,
            forwards=taken.forwards,
            backwards=taken.backwards,
            peak_bytes=to_number(taken.peak_bytes),
            taken=time.time(),
        )
        content = seal(record)  # with the time: a forced batch has a second measurement
        name = hashlib.sha256(content).hexdigest()[:32]
        self.write(self.root / "measurements" / engine / f"{name}.json", content)

    def engines(self) -> list[str]:
        """Folder names of the engines that have measurements."""
        return sorted(path.name for path in (self.root / "measurements").glob("*"))

    def measurements(self, engine: str | None = None) -> dict[str, MeasurementRecord]:
        """The newest measurement of each edit, by its key, on that engine or on any."""
        newest: dict[str, MeasurementRecord] = {}
        for record in self._measurements(engine or "*"):
            for key in record.keys:
                if key not in newest or newest[key].taken < record.taken:
                    newest[key] = record
        return newest

    def _measurements(self, engine: str) -> Iterator[MeasurementRecord]:
        for path in sorted((self.root / "measurements").glob(f"{engine}/*.json")):
            if (record := _usable(path, MeasurementRecord)) is not None:
                yield record

    def write(self, path: Path, content: bytes) -> None:
        """Write a file atomically: it is complete or absent whatever happens."""
        partial = self.scratch.new_path(path.name)
        files.write(partial, content)
        try:
            os.replace(partial, path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial, path)
        except IsADirectoryError:  # no record: kept, but out of the way
            aside = self.root / "aside" / partial.name
            aside.parent.mkdir(parents=True, exist_ok=True)
            path.rename(aside)
            os.replace(partial, path)


def _still_valid(origins: Sequence[Origin], again: Collection[str]) -> list[Origin]:
    """Without the metrics that were computed again."""
    left = [replace(o, metrics=[key for key in o.metrics if key not in again]) for o in origins]
    return [origin for origin in left if origin.metrics]


def _usable(path: str | Path, kind: type[T]) -> T | None:
    """The record in a file; None without a file. A file that is no record is logged."""
    try:
        return read(path, kind)
    except Unusable as error:
        log.warning("%s: left out: %s", path, error)
        return None
