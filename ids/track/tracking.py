"""A sweep followed by its loggers."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ids.core.records import EditCase
from ids.run.environment import commit_of, versions
from ids.run.experiment import Experiment, MethodSpec
from ids.run.manifest import Survey
from ids.run.plan import Name, Part
from ids.run.records import Row
from ids.track.feed import Feed
from ids.track.sender import Sender
from ids.track.tracked import Tracked, dataset_digest

INTERRUPTED = 5.0  # seconds for a logger after an error or a signal, at most


@dataclass
class Tracking:
    """Follows a sweep: the settings by their numbers, each with a label. Every part of a plan has a
    feed per logger.
    """

    experiments: Mapping[int, Experiment]
    labels: Mapping[int, str]
    _senders: dict[int, Sender] = field(default_factory=dict)  # by logger
    _feeds: dict[tuple[int, str], list[tuple[Sender, Feed]]] = field(default_factory=dict)
    _rows: dict[int, tuple[Survey, dict[str, Row], dict[str, EditCase]]] = field(
        default_factory=dict
    )

    def begin(self, parts: Sequence[Part]) -> None:
        """The plan is made. The run of the first method with edits to make is opened before the
        first edit: `ConfigError` where a logger refuses.
        """
        for part in parts:
            place = part.setting, part.spec.name
            if place not in self._feeds and part.jobs and not part.unsupported:
                self._feeds[place] = list(self._new_feeds(part))
        opened: set[int] = set()
        for part in parts:
            if part.edits and part.spec is self.experiments[part.setting].method:
                for sender, feed in self._feeds.get((part.setting, part.spec.name), ()):
                    if id(sender) not in opened:
                        opened.add(id(sender))
                        sender.open(feed)

    def began(self, part: Part) -> None:
        """A worker has begun a part."""
        for sender, feed in self._of(part):
            sender.began(feed)

    def ended(self, part: Part, rows: Mapping[Name, bool]) -> None:
        """Edits of a part have ended, with a result (True) or without."""
        for sender, feed in self._of(part):
            sender.ended(feed, rows)

    def finished(self, part: Part) -> None:
        """A part has ended."""
        for sender, feed in self._of(part):
            sender.finished(feed)

    def close(self, most: float | None = None) -> None:
        """Give every logger its time, `most` seconds if given."""
        for sender in self._senders.values():
            wait = sender.logger.pace.wait
            sender.close(wait if most is None else min(wait, most))

    def _of(self, part: Part) -> Sequence[tuple[Sender, Feed]]:
        return self._feeds.get((part.setting, part.spec.name), ())

    def _new_feeds(self, part: Part) -> Iterator[tuple[Sender, Feed]]:
        loggers = [one for one in self.experiments[part.setting].loggers if one.destination]
        if loggers:
            tracked = self._tracked(part)
            known = {name: one.status == "ok" for name, one in part.known.items()}
        for logger in loggers:
            sender = self._senders.setdefault(id(logger), Sender(logger))
            yield sender, Feed(tracked, logger, dict(known), changed=bool(part.todo))

    def _tracked(self, part: Part) -> Tracked:
        experiment = self.experiments[part.setting]
        seen = experiment.survey()
        if id(seen) not in self._rows:  # once for all settings of a data set
            rows = {row.case: row for row in reversed(seen.manifest.rows) if row.case}
            self._rows[id(seen)] = seen, rows, {case.digest: case for case in seen.cases}
        _, rows, cases = self._rows[id(seen)]
        dataset, spec = seen.manifest, part.spec
        return Tracked(
            name=spec.name,
            label=self.labels[part.setting] if spec is experiment.method else spec.name,
            kind="method" if spec.editor.uses_prompts else "control",
            key=part.key.key,
            dataset=dataset_digest(dataset.name, dataset.place, dataset.view),
            group=f"{dataset.name} on {experiment.backbone_name}",
            config=lambda: configuration(experiment, spec),
            store=experiment.store,
            names=[job.name for job in part.jobs],
            metrics=sorted(part.metrics),
            rows=rows,
            cases=cases,
        )


@contextmanager
def tracking(
    experiments: Mapping[int, Experiment], labels: Mapping[int, str]
) -> Iterator[Tracking]:
    """The loggers of these settings, closed at the end."""
    follower = Tracking(experiments, labels)
    try:
        yield follower
    except BaseException:
        follower.close(INTERRUPTED)
        raise
    follower.close()


def configuration(experiment: Experiment, spec: MethodSpec) -> dict[str, Any]:
    """The composed configuration, with the method of a control where it is one; the commit of the
    folder in which the command runs, versions, and the engine.
    """
    engine = experiment.session.engine
    made_in = {
        "commit": commit_of(Path.cwd()),
        "python": platform.python_version(),
        "packages": versions(),
        "engine": {
            "device": str(engine.find_device()),
            "batch_size": engine.batch_size,
            "threads": engine.threads,
            "cores": os.cpu_count(),
        },
    }
    return {**experiment.config, "method": spec.method, "environment": made_in}
