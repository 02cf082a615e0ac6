"""A data set as it was seen: which rows it has, and what each of them asks.

datasets/<name>-<digest>.json is the newest statement of each data set, at each size its images were
seen. A data set is known by its place, and by what it asks where it has moved: renaming a folder,
or changing ids and tags, makes no other data set of it.
"""

import logging
import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from ids.core.errors import DataError
from ids.core.protocols import Dataset
from ids.core.records import EditCase, digest_of
from ids.run.claims import Claims
from ids.run.job import first_cases
from ids.run.numbers import Numbers
from ids.run.records import Manifest, Row
from ids.run.sealed import Unusable, read, seal

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Survey:
    """The rows of a data set that were asked for, all of their images read once: `cases` are
    those that can be edited; `manifest` has every row, and says what is wrong with the others.
    """

    cases: Sequence[EditCase]
    manifest: Manifest
    whole: bool  # are these all rows there are?


def survey(dataset: Dataset, limit: int | None) -> Survey:
    """Read the first `limit` cases, or all. `DataError` where not one can be edited."""
    asked = first_cases(dataset, limit)
    rows = [row_of(case) for case in asked]
    if all(row.problem for row in rows):
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        raise DataError(f"{rows[0].problem}{more}")
    cases = [case for case, row in zip(asked, rows, strict=True) if not row.problem]
    return Survey(
        cases,
        Manifest(
            name=dataset.name,
            place=dataset.place,
            view=dataset.view,
            content=content_of(rows),
            seen=time.time(),
            rows=rows,
        ),
        whole=not dataset.partial and len(asked) == len(dataset),
    )


def row_of(case: EditCase) -> Row:
    """What a case asks, by digest; its `problem` where an image or mask cannot be read."""
    row = Row(
        id=case.id,
        tags=sorted(case.tags),
        prompts=(case.prompt_src, case.prompt_trg),
        words=case.words | {"blend": case.blend_words and list(case.blend_words)},  # as in JSON
        metadata=dict(case.metadata),
    )
    try:
        truth = case.truth.digest() if case.truth else None
        return replace(row, case=case.digest, source=case.source_digest, truth=truth)
    except DataError as error:
        return replace(row, problem=str(error))


def content_of(rows: Iterable[Row]) -> str:
    """Digest of the cases, whatever they are called and in whatever order."""
    return digest_of(sorted({row.case for row in rows}))


@dataclass(frozen=True)
class Manifests:
    """The newest manifest of every data set of a store."""

    root: Path
    claims: Claims
    numbers: Numbers

    def all(self) -> list[Manifest]:
        """By name; files that cannot be read are named and left out."""
        return [manifest for _, manifest in self._read()]

    def add(self, seen: Survey) -> Manifest:
        """State a data set anew. Rows that were seen before, and were not looked at this time, stay
        where only a part was asked for.
        """
        with self.claims.wait("datasets"):
            known = {path: m for path, m in self._read() if _same(m, seen.manifest)}
            before = [row for manifest in known.values() for row in manifest.rows]
            rows = seen.manifest.rows if seen.whole else _merged(seen.manifest.rows, before)
            made = replace(seen.manifest, rows=rows, content=content_of(rows))
            path = self._path(made)
            if known.get(path, made).rows != rows or len(known) != 1 or path not in known:
                self.numbers.write(path, seal(made))
            for other in set(known) - {path}:
                other.unlink(missing_ok=True)
        return made

    def forget(self, name: str) -> None:
        """Data sets whose name starts so."""
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
                log.warning("%s: left out: %s; running its data set again mends it", path, error)
                continue
            if manifest is not None:
                found.append((path, manifest))
        return found


def _same(old: Manifest, new: Manifest) -> bool:
    """Is one the other as it is now? By where it lies; or it has moved: the old place is gone, and
    most of what is asked now was asked there.
    """
    if old.view != new.view:
        return False
    if (old.name, old.place) == (new.name, new.place) or (old.place and old.place == new.place):
        return True
    if not (old.place and new.place) or os.path.exists(old.place):
        return False
    known, asked = ({row.case for row in m.rows if row.case} for m in (old, new))
    return 2 * len(known & asked) >= max(len(asked), 1)


def _merged(rows: Sequence[Row], before: Sequence[Row]) -> list[Row]:
    """New rows, then those of before that they do not replace, by id or by what they ask."""
    ids = {row.id for row in rows}
    cases = {row.case for row in rows if row.case}
    return [*rows, *(r for r in before if r.id not in ids and r.case not in cases)]
