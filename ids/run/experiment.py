"""One setting over one data set: plan, execute, evaluate, log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ids.core.capabilities import NAMES, needs
from ids.core.edit import Editor, Representation
from ids.core.errors import ConfigError, UnsupportedError
from ids.core.protocols import Backbone, BackboneSource, Dataset, Logger, Metric
from ids.core.records import EditCase
from ids.core.tensors import Images, Latent
from ids.log.progress import EditProgress, counted
from ids.metrics.sizes import check_size
from ids.representations import LatentSpace, encode
from ids.run.code import code_digests, revisions
from ids.run.engine import Engine
from ids.run.evaluate import Evaluation, metric_key
from ids.run.execute import Executor, Outcome
from ids.run.job import Job, Setting, normalize_numbers, plan
from ids.run.manifest import Survey
from ids.run.mirror import mirror
from ids.run.outcomes import write_outcomes
from ids.run.session import Session
from ids.run.store import Store


@dataclass(frozen=True)
class MethodSpec:
    """A method by its word, as it was stated, and built."""

    name: str
    method: Mapping[str, Any]
    editor: Editor


@dataclass(frozen=True)
class Experiment:
    """Everything `ids run` was asked for, built and ready.

    `controls` (null edit, true edit) are made beside the method, so that every table has them;
    where the data set cannot give one, it is left out. `config` is the whole statement.
    """

    asked: MethodSpec
    controls: Sequence[MethodSpec]
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
    force: bool = False  # make edits again that are there already
    sweep: bool = False  # a method that the backbone cannot run is a row of the table, no error
    session: Session = field(default_factory=Session)
    representation: Representation = field(default_factory=LatentSpace)

    def __post_init__(self) -> None:
        if self.keep_every < 0:
            raise ConfigError(f"keep_every: expected 0 (none) or more; got {self.keep_every}")
        if (reason := self._unsupported(self.asked)) and not self.sweep:
            raise UnsupportedError(reason)

    def run(self, folder: Path) -> list[Outcome]:
        """Make what is missing; `folder/outcomes.json` tells what became of everything."""
        try:
            self.session.open(self.store)
            evaluation = self._evaluation()
            seen = self.survey()
            self._check_sizes(seen)
            return self._run(folder, seen, evaluation)
        finally:
            self.store.close()

    def _run(self, folder: Path, seen: Survey, evaluation: Evaluation) -> list[Outcome]:
        outcomes: list[Outcome] = []
        try:
            for reference in self.controls:
                if reference.name != self.asked.name:
                    made = self._make(reference, seen, evaluation)
                    outcomes += [outcome for outcome in made if outcome.status != "unsupported"]
            outcomes += self._make(self.asked, seen, evaluation)
            self.session.keep(seen, self.store)
        finally:
            write_outcomes(folder, self.asked.name, outcomes, seen.manifest)
        return outcomes

    def survey(self) -> Survey:
        """The rows that were asked for, read once a command."""
        stated = self.config.get("dataset", {})
        return self.session.survey(self.dataset, stated, self.limit)

    def _check_sizes(self, seen: Survey) -> None:
        """Refuse metrics that are not defined on images as small as these, before the first edit.
        A view brings all images to about one size.
        """
        height, width = seen.cases[0].source.load().shape[-2:]
        check_size(self.metrics.values(), height, width)

    def _evaluation(self) -> Evaluation:
        """Finds every metric's weights, so that a missing file is known before the first edit."""
        metrics = {metric_key(metric): metric for metric in self.metrics.values()}
        return Evaluation(metrics, self.store, self._decode, self._encode)

    def _decode(self, z: Latent) -> Images:
        device = self.engine.start()
        return _loaded(self.backbone, device).decode(z.to(device))

    def _encode(self, case: EditCase) -> Latent:
        return encode(_loaded(self.backbone, self.engine.start()), case.source)

    def _make(self, asked: MethodSpec, seen: Survey, evaluation: Evaluation) -> list[Outcome]:
        """One method over all cases: plan, execute, evaluate, mirror."""
        setting = self._setting(asked)
        jobs = _unique(plan(setting, asked.editor, seen.cases, self.seeds))
        todo = [job for job in jobs if self._wanted(job)]
        if reason := self._unsupported(asked):
            for job in todo:
                self.store.put_failure(job, "unsupported", reason)
        made: dict[tuple[str, str], Outcome] = {}
        if not reason and (todo or asked is self.asked):
            made = self._execute(asked, todo, len(jobs), seen, evaluation)
        outcomes = [made.get(_name(job)) or self._outcome(job) for job in jobs]
        done = [outcome.job for outcome in outcomes if outcome.status == "ok"]
        lacking = [job for job in done if _name(job) not in made and evaluation.lacks(job)]
        with counted(f"{asked.name}: metrics", len(lacking)) as progress:
            evaluation(lacking, progress)
        self._mirror(asked, setting, done)
        return outcomes

    def _setting(self, asked: MethodSpec) -> Setting:
        return Setting(
            asked.name,
            normalize_numbers(asked.method),
            self.backbone_name,
            self.backbone.identity(),
            revisions(asked.editor),
            code_digests(asked.editor),
        )

    def _unsupported(self, asked: MethodSpec) -> str:
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

    def _mirror(self, asked: MethodSpec, setting: Setting, done: Sequence[Job]) -> None:
        """Give each logger what it has not seen yet, be it that an earlier run was killed first."""
        group = f"{self.dataset.name} on {self.backbone_name}"
        config = {**self.config, "method": asked.method}
        for logger in self.loggers:
            mirror(asked.name, group, config, setting.key, done, self.store, logger)

    def _wanted(self, job: Job) -> bool:
        """Is there work to do? What was made since this command began is not made again."""
        look = self.store.look(job.key)
        if look.record is None:
            self.session.name(look)
            return True
        self.session.compare(job, look.record)
        if look.status == "ok" and job.prompts and look.record.keep_every != self.keep_every:
            self.session.compare_states(look.record, self.keep_every)
        again = self.force if look.record.status == "ok" else self.force or self.retry_failed
        return again and look.record.made < self.session.began

    def _execute(
        self, asked: MethodSpec, todo: list[Job], jobs: int, seen: Survey, evaluation: Evaluation
    ) -> dict[tuple[str, str], Outcome]:
        """Make and judge edits; what became of those that this process made, by name."""
        found: dict[tuple[str, str], Outcome] = {}
        with EditProgress(asked.name, total=len(todo), kept=jobs - len(todo)) as progress:
            if not todo:
                return found

            def done(job: Job) -> bool:
                """Another process may have made it since it was planned."""
                if self._wanted(job):
                    return False
                progress.finished("")
                return True

            device = self.engine.start()
            executor = Executor(
                asked.editor,
                _loaded(self.backbone, device),
                self.engine,
                device,
                self.store,
                self.keep_every,
                done,
                self.force,
                self.representation,
            )
            steps = max(asked.editor.n_ticks, 1)
            for outcomes in executor(todo, lambda batch: progress.batch(len(batch), steps)):
                self.session.keep(seen, self.store)
                self.session.keep(self.survey(), self.store)  # there is something to show
                evaluation.judge([o.made for o in outcomes if o.made])
                for outcome in outcomes:
                    found[_name(outcome.job)] = replace(outcome, made=None)
                    progress.finished(outcome.reason if outcome.status == "failed" else "")
        return found

    def _outcome(self, job: Job) -> Outcome:
        record = self.store.look(job.key, files=False).record
        if record is None:
            return Outcome(job, "failed", f"{self.store.folder(job.key)}: it has been removed")
        return Outcome(job, record.status, record.reason)


def _unique(jobs: Sequence[Job]) -> list[Job]:
    """One job per edit and case: rows that ask the same share their answer."""
    return list({_name(job): job for job in jobs}.values())


def _name(job: Job) -> tuple[str, str]:
    """An edit, and the case it answers."""
    return job.key, job.case.digest


_last: dict[tuple[BackboneSource, torch.device], Backbone] = {}


def _loaded(source: BackboneSource, device: torch.device) -> Backbone:
    """The last backbone is kept: sweeps come back to it again and again."""
    if (source, device) not in _last:
        _last.clear()
        _last[source, device] = source.load(device)
    return _last[source, device]
