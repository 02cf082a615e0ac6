"""Manifests: the rows of each data set as they were read last.

datasets/<name>-<digest>.json is the newest manifest of each data set, one per image size. A data
set is identified by its name and place, or by its cases where it has moved: renaming a folder and
changing ids or tags keep it the same data set.
"""

import logging
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from ids.core.claims import Claims
from ids.core.errors import DataError
from ids.core.protocols import Dataset
from ids.core.records import EditCase, digest_of
from ids.core.rows import RowSelection, label_of
from ids.run.numbers import Numbers
from ids.run.records import Manifest, Row
from ids.run.sealed import Unusable, read, seal

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Survey:
    """The selected rows of a data set, their images read once. `cases` can be edited; `manifest`
    has every row, with the problem of each row that cannot.
    """

    cases: Sequence[EditCase]
    manifest: Manifest
    whole: bool  # are these all rows of the data set?


def survey(dataset: Dataset, selection: RowSelection) -> Survey:
    """Read the selected rows. `DataError` where none can be edited."""
    selected = selection.rows(dataset)
    read = [read_row(dataset, index) for index in selected]
    rows = [row for _, row in read]
    if not rows:
        raise DataError(f"{dataset.name}: expected one row or more; got none; add one")
    if all(row.problem for row in rows):
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        raise DataError(f"{rows[0].problem}{more}")
    cases = [case for case, row in read if case and not row.problem]
    return Survey(
        cases,
        Manifest(
            name=dataset.name,
            place=dataset.place,
            view=dataset.view,
            content=content_of(row.case for row in rows),
            seen=time.time(),
            rows=rows,
        ),
        whole=not dataset.partial and len(selected) == len(dataset),
    )


def read_cases(dataset: Dataset, selection: RowSelection) -> Iterator[EditCase]:
    """The selected cases; invalid rows are left out. No image is read."""
    for index in selection.rows(dataset):
        with suppress(DataError):
            yield dataset[index]


def read_row(dataset: Dataset, index: int) -> tuple[EditCase | None, Row]:
    """A case and its row. An invalid row has a `problem`, and no case where it has no image."""
    try:
        case = dataset[index]
    except DataError as error:
        label = label_of(dataset, index)
        return None, Row(id=label.id, tags=sorted(label.tags), problem=str(error))
    return case, row_of(case)


def row_of(case: EditCase) -> Row:
    """Labels and digests of a case; its `problem` where an image or mask cannot be read."""
    row = Row(
        id=case.id,
        tags=sorted(case.tags),
        prompts=(case.prompt_src, case.prompt_trg),
        words=case.words | {"blend": case.blend_words and list(case.blend_words)},  # as in JSON
        metadata=dict(case.metadata),
        instruction=case.instruction,
    )
    try:
        truth = case.truth.digest() if case.truth else None
        return replace(row, case=case.digest, source=case.source_digest, truth=truth)
    except DataError as error:
        return replace(row, problem=str(error))


def content_of(cases: Iterable[str]) -> str:
    """Digest of the digests of cases; order and repeated ones play no part."""
    return digest_of(sorted(set(cases)))


@dataclass(frozen=True)
class Manifests:
    """The newest manifest of every data set of a store."""

    root: Path
    claims: Claims
    numbers: Numbers

    def all(self) -> list[Manifest]:
        """All manifests, sorted by file name. Unreadable files are logged and left out."""
        return [manifest for _, manifest in self._read()]

    def add(self, seen: Survey) -> Manifest:
        """Write the manifest of a data set, and return it. Where only a part of the data set was
        read, the other rows of its earlier manifest stay.
        """
        with self.claims.wait("datasets"):
            known = {path: m for path, m in self._read() if _same(m, seen.manifest)}
            before = [row for manifest in known.values() for row in manifest.rows]
            rows = seen.manifest.rows if seen.whole else _merged(seen.manifest.rows, before)
            content = content_of(row.case for row in rows)
            new = replace(seen.manifest, rows=rows, content=content)
            path = self._path(new)
            if known.get(path, new).rows != rows or len(known) != 1 or path not in known:
                self.numbers.write(path, seal(new))
            for other in set(known) - {path}:
                other.unlink(missing_ok=True)
        return new

    def forget(self, name: str) -> None:
        """Remove the manifests of data sets whose name starts with `name`."""
        with self.claims.wait("datasets"):
            for path, manifest in self._read():
                if manifest.name.startswith(name):
                    path.unlink(missing_ok=True)

    def _path(self, manifest: Manifest) -> Path:
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", manifest.name)[:60]
        return (
            self.root
            / f"{name}-{digest_of([manifest.name, manifest.place, manifest.view])[:8]}.json"
        )

    def _read(self) -> list[tuple[Path, Manifest]]:
        found = []
        for path in sorted(self.root.glob("*.json")):
            try:
                manifest = read(path, Manifest)
            except Unusable as error:
                log.warning("%s: left out: %s; run its data set again to replace it", path, error)
                continue
            if manifest is not None:
                found.append((path, manifest))
        return found


def _same(old: Manifest, new: Manifest) -> bool:
    """Are these manifests of one data set? They have one name and place (photos of one folder may
    be edited to several words); or it has moved: the old place no longer exists, and at least half
    of the cases were in it.
    """
    if old.view != new.view:
        return False
    if (old.name, old.place) == (new.name, new.place):
        return True
    if not (old.place and new.place) or os.path.exists(old.place):
        return False
    before, now = ({row.case for row in m.rows if row.case} for m in (old, new))
    return 2 * len(before & now) >= max(len(now), 1)


def _merged(rows: Sequence[Row], before: Sequence[Row]) -> list[Row]:
    """New rows, then earlier rows with another id and another case."""
    ids = {row.id for row in rows}
    cases = {row.case for row in rows if row.case}
    return [*rows, *(r for r in before if r.id not in ids and r.case not in cases)]
