"""What trackers show of one setting: its edits of one data set, read from the store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ids.core.records import EditCase, digest_of
from ids.results.catalog import Entry
from ids.results.equal_parts import EqualParts
from ids.run.records import Row
from ids.run.store import Store

Name = tuple[str, str]  # key of an edit, digest of its case


@dataclass(frozen=True)
class Tracked:
    """One setting on one data set. `names` are its edits, in the order of the plan, `rows` the rows
    of the data set by the digest of their case; `cases` have the images, where they are known.
    `key` is that of the setting, `dataset` a digest of the data set's name, place and image size.
    """

    name: str  # of the method
    label: str
    kind: str  # method or control
    key: str
    dataset: str
    group: str
    config: Callable[[], Mapping[str, Any]]
    store: Store
    names: Sequence[Name]
    metrics: Sequence[str]  # keys that each edit is to have
    rows: Mapping[str, Row]
    cases: Mapping[str, EditCase]

    @property
    def place(self) -> str:
        """Its setting and data set, in names of files and locks."""
        return f"{self.key[:16]}-{self.dataset[:8]}"

    @property
    def jobs(self) -> str:
        """Digest of the edits, and the metrics that each is to have."""
        return digest_of([sorted(self.names), sorted(self.metrics)])

    def run_id(self, destination: str) -> str:
        """The same in every command on this store; sixteen hexadecimal digits."""
        store = str(Path(self.store.root).resolve())
        return digest_of([self.key, self.dataset, store, destination])[:16]

    def entries(self, names: Sequence[Name]) -> list[Entry]:
        """The finished ones of these edits, with their numbers."""
        found, shared = [], EqualParts()
        for key, case in names:
            record = self.store.look(key, files=False).record
            if record is not None and record.status == "ok" and case in self.rows:
                numbers = shared.of_metrics(self.store.numbers.metrics(key, case))
                found.append(Entry(shared.of_edit(record), self.rows[case], numbers))
        return found


def dataset_digest(name: str, place: str, view: str) -> str:
    """Of what identifies a data set in a store."""
    return digest_of([name, place, view])
