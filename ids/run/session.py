"""What the settings of one command share, so that each is done once."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ids.core.protocols import Dataset
from ids.run.job import Job
from ids.run.manifest import Manifests, Survey, survey
from ids.run.records import EditRecord
from ids.run.store import Look, Store

log = logging.getLogger(__name__)


@dataclass
class Session:
    """One command: when it began, the data sets it has read, and what it has said already."""

    began: float = field(default_factory=time.time)
    surveys: dict[str, Survey] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    parts: dict[str, Any] = field(default_factory=dict)  # by configuration: data sets, metrics, ...

    def survey(self, dataset: Dataset, stated: Mapping[str, Any], limit: int | None) -> Survey:
        """The rows of a data set, read once however many settings ask for it."""
        key = json.dumps([stated, limit], sort_keys=True)
        if key not in self.surveys:
            self.surveys[key] = survey(dataset, limit)
        return self.surveys[key]

    def keep(self, seen: Survey, store: Store) -> None:
        """State the data set in the store, once it has an answer: what is refused before the first
        edit takes nothing out of a table.
        """
        key = f"{store.root}/{seen.manifest.seen}/{seen.manifest.place}"
        if key not in self.kept:
            self.kept.add(key)
            Manifests(store.root / "datasets", store.claims, store.numbers).add(seen)

    def open(self, store: Store) -> None:
        """Clean up after dead processes, and name what is of an older version."""
        if str(store.root) in self.told:
            return
        self.told.add(str(store.root))
        store.sweep()
        if old := sum(1 for _ in store.root.glob("results/??/*/env.json")):
            self.say(
                f"{store.root}: {old} results of version 0.1 are not read; their numbers had no "
                "case; `ids results rm --old` removes them"
            )

    def name(self, look: Look) -> None:
        """A file that is no result is named, once."""
        if look.problem:
            self.say(f"{look.problem}; left out, and made again")

    def compare(self, job: Job, record: EditRecord) -> None:
        """Code that has changed since a result was made, at the same revision, is named once."""
        for kind, digest in job.setting.code.items():
            then = record.code.get(kind, digest)
            if then != digest:
                self.say(
                    f"{kind}: its code has changed since results here were made, its revision has "
                    f"not; raise `revision` where numbers change, or make them again with --force"
                )

    def compare_states(self, record: EditRecord, keep_every: int) -> None:
        """States are kept while an edit is made; another spacing comes with another edit."""
        if record.keep_every and keep_every:
            self.say(
                f"keep_every={keep_every}: existing edits keep every {record.keep_every}th state, "
                "and stay; --force makes them again"
            )

    def say(self, text: str) -> None:
        if text not in self.told:
            self.told.add(text)
            log.warning("%s", text)
