"""One setting over one data set: plan, execute, evaluate, log."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ids.core.protocols import Backbone, BackboneSource, Dataset, Editor, Logger, Metric
from ids.log.progress import EditProgress
from ids.run.engine import Engine
from ids.run.evaluate import evaluate
from ids.run.execute import Executor, Outcome
from ids.run.job import Job, Setting, first_cases, plan, revisions
from ids.run.mirror import mirror
from ids.run.store import Store


@dataclass(frozen=True)
class Campaign:
    """Everything `ids run` was asked for, built and ready; `name` is the method's word, `config`
    the whole statement.
    """

    name: str
    method: Mapping[str, Any]
    editor: Editor
    backbone: BackboneSource
    dataset: Dataset
    metrics: Mapping[str, Metric]
    loggers: Sequence[Logger]
    engine: Engine
    seeds: Sequence[int]
    store: Store
    config: Mapping[str, Any]
    limit: int | None = None
    retry_failed: bool = False

    def run(self, folder: Path) -> list[Outcome]:
        """Make what is missing; write what was asked and what became of it to
        `folder/outcomes.json`.
        """
        setting = Setting(self.name, self.method, self.backbone.identity(), revisions(self.editor))
        cases = first_cases(self.dataset, self.limit)
        jobs = plan(setting, self.editor, cases, self.dataset.name, self.seeds)
        todo = [job for job in jobs if self._wanted(job)]
        try:
            self._execute(todo, len(jobs))
            evaluate(jobs, self.metrics, self.store)
        finally:
            outcomes = [self._outcome(job) for job in jobs]
            _write(folder / "outcomes.json", self.name, [o for o in outcomes if o])
        if todo and self.loggers:
            mirror(self.name, self.config, jobs, self.store, self.loggers)
        return [outcome for outcome in outcomes if outcome]

    def _wanted(self, job: Job) -> bool:
        status = self.store.status(job.key)
        return status is None or (self.retry_failed and status == "failed")

    def _execute(self, todo: list[Job], asked: int) -> None:
        with EditProgress(self.name, total=len(todo), kept=asked - len(todo)) as progress:
            if not todo:
                return
            device = self.engine.start()
            backbone = _loaded(self.backbone, device)
            executor = Executor(self.editor, backbone, self.engine, device, self.store)
            for outcomes in executor(
                todo, lambda batch: progress.batch(len(batch), getattr(self.editor, "n_steps", 1))
            ):
                for outcome in outcomes:
                    progress.finished(outcome.job.case.id, outcome.reason)

    def _outcome(self, job: Job) -> Outcome | None:
        status = self.store.status(job.key)
        if status is None:
            return None
        return Outcome(job, status, self.store.record(job.key).job.get("reason", ""))  # type: ignore[arg-type]


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
