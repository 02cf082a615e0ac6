"""One setting over one data set: plan, execute, evaluate, log."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ids.core.capabilities import NAMES, needs
from ids.core.errors import ConfigError, UnsupportedError
from ids.core.protocols import Backbone, BackboneSource, Dataset, Editor, Logger, Metric
from ids.core.records import EditCase
from ids.core.tensors import Images, Latent
from ids.log.progress import EditProgress, tracked
from ids.run.engine import Engine
from ids.run.evaluate import Evaluation, metric_key
from ids.run.execute import Executor, Outcome
from ids.run.job import Job, Setting, first_cases, plan, revisions, spelt
from ids.run.mirror import mirror
from ids.run.store import Store


@dataclass(frozen=True)
class Asked:
    """A method by its word, as it was stated, and built."""

    name: str
    method: Mapping[str, Any]
    editor: Editor


@dataclass(frozen=True)
class Campaign:
    """Everything `ids run` was asked for, built and ready.

    `references` (null edit, true edit) are made beside the method, so that every table has them;
    where the data set cannot give one, it is left out. `config` is the whole statement.
    """

    asked: Asked
    references: Sequence[Asked]
    backbone_name: str
    backbone: BackboneSource
    dataset: Dataset
    metrics: Mapping[str, Metric]
    loggers: Sequence[Logger]
    engine: Engine
    seeds: Sequence[int]
    store: Store
    config: Mapping[str, Any]
    keep_every: int
    limit: int | None = None
    retry_failed: bool = False
    sweep: bool = False  # a method that the backbone cannot run is a row of the table, no error

    def __post_init__(self) -> None:
        if self.keep_every < 0:
            raise ConfigError(f"keep_every: expected 0 (none) or more; got {self.keep_every}")
        if (reason := self._unsupported(self.asked)) and not self.sweep:
            raise UnsupportedError(reason)

    def run(self, folder: Path) -> list[Outcome]:
        """Make what is missing; `folder/outcomes.json` tells what became of everything."""
        cases = first_cases(self.dataset, self.limit)
        evaluation = self._evaluation()
        outcomes: list[Outcome] = []
        try:
            for reference in self.references:
                if reference.name != self.asked.name:
                    made = self._make(reference, cases, evaluation)
                    outcomes += [outcome for outcome in made if outcome.status != "unsupported"]
            outcomes += self._make(self.asked, cases, evaluation)
        finally:
            _write(folder / "outcomes.json", self.asked.name, outcomes)
        return outcomes

    def _evaluation(self) -> Evaluation:
        """Finds every metric's weights, so that a missing file is known before the first edit."""
        metrics = {metric_key(metric): metric for metric in self.metrics.values()}
        return Evaluation(metrics, self.store, self._decode)

    def _decode(self, z: Latent) -> Images:
        device = self.engine.start()
        return _loaded(self.backbone, device).decode(z.to(device))

    def _make(
        self, asked: Asked, cases: Sequence[EditCase], evaluation: Evaluation
    ) -> list[Outcome]:
        """One method over all cases: plan, execute, evaluate, mirror."""
        built = revisions(asked.editor)
        identity = self.backbone.identity()
        setting = Setting(asked.name, spelt(asked.method), self.backbone_name, identity, built)
        jobs = plan(setting, asked.editor, cases, self.dataset.name, self.seeds)
        todo = [job for job in jobs if self._wanted(job)]
        if reason := self._unsupported(asked):
            for job in todo:
                self.store.put_failure(job, "unsupported", reason)
        elif todo or asked is self.asked:
            self._execute(asked, todo, len(jobs))
        evaluation(tracked(f"{asked.name}: metrics", jobs))
        outcomes = [self._outcome(job) for job in jobs]
        self._mirror(asked, setting, [o.job for o in outcomes if o.status == "ok"])
        return outcomes

    def _unsupported(self, asked: Asked) -> str:
        """What the method needs and the backbone does not give, known before weights are read."""
        gives = self.backbone.gives
        for capability, part in needs(asked.editor).items():
            if capability not in gives:
                given = ", ".join(sorted(NAMES[g] for g in gives)) or "nothing beyond eps"
                return (
                    f"method={asked.name}: expected a backbone that gives {NAMES[capability]} "
                    f"({part} needs it); {self.backbone_name} gives {given}; use another backbone"
                )
        return ""

    def _mirror(self, asked: Asked, setting: Setting, done: Sequence[Job]) -> None:
        """Tell each logger what it has not seen yet, be it that an earlier run was killed first."""
        keys = {job.key for job in done}
        for logger in self.loggers:
            name = type(logger).__name__
            if keys <= self.store.mirrored(setting.key, name):
                continue
            group = f"{self.dataset.name} on {self.backbone_name}"
            config = {**self.config, "method": asked.method}
            mirror(asked.name, group, config, done, self.store, logger)
            self.store.mark_mirrored(setting.key, name, keys)

    def _wanted(self, job: Job) -> bool:
        status = self.store.status(job.key)
        return status is None or (self.retry_failed and status != "ok")

    def _execute(self, asked: Asked, todo: list[Job], jobs: int) -> None:
        with EditProgress(asked.name, total=len(todo), kept=jobs - len(todo)) as progress:
            if not todo:
                return
            device = self.engine.start()
            backbone = _loaded(self.backbone, device)
            executor = Executor(
                asked.editor, backbone, self.engine, device, self.store, self.keep_every
            )
            steps = max(asked.editor.ticks, 1)
            for outcomes in executor(todo, lambda batch: progress.batch(len(batch), steps)):
                for outcome in outcomes:
                    progress.finished(outcome.reason if outcome.status == "failed" else "")

    def _outcome(self, job: Job) -> Outcome:
        record = self.store.record(job.key)
        return Outcome(job, record.status, record.job.get("reason", ""))


_last: dict[tuple[BackboneSource, torch.device], Backbone] = {}


def _loaded(source: BackboneSource, device: torch.device) -> Backbone:
    """The last backbone is kept: sweeps come back to it again and again."""
    if (source, device) not in _last:
        _last.clear()
        _last[source, device] = source.load(device)
    return _last[source, device]


def _write(path: Path, name: str, outcomes: Sequence[Outcome]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"key": o.job.key, "case": o.job.case.id, "status": o.status, "reason": o.reason}
        for o in outcomes
    ]
    path.write_text(json.dumps({"name": name, "outcomes": rows}, indent=1))
