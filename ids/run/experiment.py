"""One setting over one data set: plan, execute, evaluate, log."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ids.core.capabilities import NAMES, needs
from ids.core.edit import Editor, Representation
from ids.core.errors import ConfigError, UnsupportedError
from ids.core.protocols import BackboneSource, Dataset, Logger, Metric, NetworkMetric
from ids.core.records import EditCase, LazyImage
from ids.core.rows import RowSelection
from ids.core.tensors import Images, Latent
from ids.log.progress import EditProgress, RunProgress
from ids.metrics.sizes import check_size
from ids.representations import LatentSpace, encode
from ids.run.code import code_digests, revisions
from ids.run.edit import BatchEditor
from ids.run.environment import environment
from ids.run.evaluate import Evaluation, metric_key
from ids.run.execute import Executor, Outcome
from ids.run.job import Job, Setting, normalize_numbers, plan
from ids.run.manifest import Survey
from ids.run.mirror import mirror
from ids.run.outcomes import write_outcomes
from ids.run.reuse import Reuse
from ids.run.session import Session
from ids.run.store import Store


@dataclass(frozen=True)
class MethodSpec:
    """A method: its name, its configuration without ignored values, and the editor of it."""

    name: str
    method: Mapping[str, Any]
    editor: Editor


@dataclass(frozen=True)
class Experiment:
    """One setting, built and ready to run.

    `controls` (null edit, true edit) run before the method, so that every table has them; a data
    set that cannot give one goes without. `config` is the whole configuration.
    """

    method: MethodSpec
    controls: Sequence[MethodSpec]
    backbone_name: str
    backbone: BackboneSource
    dataset: Dataset
    metrics: Mapping[str, Metric]
    loggers: Sequence[Logger]
    seeds: Sequence[int]
    store: Store
    config: Mapping[str, Any]
    keep_every: int
    selection: RowSelection = field(default_factory=RowSelection)
    retry_failed: bool = False
    force: bool = False  # make existing edits again
    sweep: bool = False  # a method that the backbone cannot run is a row of the table, no error
    session: Session = field(default_factory=Session)
    representation: Representation = field(default_factory=LatentSpace)

    def __post_init__(self) -> None:
        if self.keep_every < 0:
            raise ConfigError(f"keep_every: expected 0 (none) or more; got {self.keep_every}")
        if (reason := self._unsupported(self.method)) and not self.sweep:
            raise UnsupportedError(reason)

    @property
    def n_steps(self) -> int:
        """Edit steps of the method over all cases and seeds, existing results included."""
        n_cases = len(self.selection.rows(self.dataset))
        seeds = len(self.seeds) if self.method.editor.uses_seed else 1
        return n_cases * seeds * max(self.method.editor.n_ticks, 1)

    def run(self, folder: Path, progress: RunProgress | None = None) -> list[Outcome]:
        """Make what is missing, and write `folder/outcomes.json`: how every edit ended.

        Where an error stops the run, the outcomes of everything before it are written first.
        `IdsError` for errors that the user can correct.
        """
        try:
            self.session.open(self.store)
            seen = self.survey()
            self.check_size(seen.cases[0].source)
            evaluation = self._evaluation()
            if progress is not None:
                return self._run(folder, seen, evaluation, progress)
            with RunProgress() as progress:
                return self._run(folder, seen, evaluation, progress)
        finally:
            self.store.close()

    def survey(self) -> Survey:
        """The selected rows of the data set, read once a session."""
        return self.session.survey(self.dataset, self.selection)

    def setting(self, spec: MethodSpec) -> Setting:
        """The name of a method and everything that decides its results in this experiment."""
        return Setting(
            spec.name,
            normalize_numbers(spec.method),
            self.backbone_name,
            self.backbone.identity(),
            revisions(spec.editor),
            code_digests(spec.editor),
        )

    def editor(self, spec: MethodSpec) -> BatchEditor:
        """The editor of a method on the loaded backbone."""
        backbone, device = self.session.backbone(self.backbone), self.session.device
        return BatchEditor(spec.editor, backbone, device, self.keep_every, self.representation)

    def load_metrics(self) -> dict[str, Metric]:
        """Metrics by key, their networks loaded: a missing file is known before the first edit."""
        metrics = {metric_key(metric): metric for metric in self.metrics.values()}
        for metric in metrics.values():
            if isinstance(metric, NetworkMetric):
                metric.load(self.session.models)
        return metrics

    def check_size(self, image: LazyImage) -> None:
        """`ConfigError` where a metric is not defined on images of this size. One image stands for
        all: a view gives them about the same size.
        """
        height, width = image.load().shape[-2:]
        check_size(self.metrics.values(), height, width)

    def decode(self, z: Latent) -> Images:
        """Latents [B, C, H, W] as images. Loads the backbone."""
        return self.session.backbone(self.backbone).decode(z.to(self.session.device))

    def encode(self, case: EditCase) -> Latent:
        """The source of a case as a latent [1, C, H, W]. Loads the backbone."""
        return encode(self.session.backbone(self.backbone), case.source)

    def _run(
        self, folder: Path, seen: Survey, evaluation: Evaluation, progress: RunProgress
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        try:
            for control in self.controls:
                if control.name != self.method.name:
                    self._run_method(control, seen, evaluation, progress, outcomes)
            self._run_method(self.method, seen, evaluation, progress, outcomes)
            self.session.publish(seen, self.store)
        finally:
            write_outcomes(folder, self.method.name, outcomes, seen.manifest)
        return outcomes

    def _run_method(
        self,
        spec: MethodSpec,
        seen: Survey,
        evaluation: Evaluation,
        progress: RunProgress,
        outcomes: list[Outcome],
    ) -> None:
        """One method over all cases: plan, execute, evaluate, mirror. Adds to `outcomes` even where
        an error ends it. A control that a case cannot have is left out.
        """
        setting = self.setting(spec)
        planned = plan(setting, spec.editor, seen.cases, self.seeds)
        jobs = list({job.name: job for job in planned}.values())  # equal rows share a result
        found: dict[tuple[str, str], Outcome] = {}
        try:
            for outcome in self._execute(spec, jobs, seen, evaluation, progress):
                found[outcome.job.name] = outcome
        finally:
            ended = [found.get(job.name) or self._existing(job) for job in jobs]
            shown = {"ok", "failed", "unsupported"} if spec is self.method else {"ok", "failed"}
            outcomes += [outcome for outcome in ended if outcome and outcome.status in shown]
        done = [outcome.job for outcome in ended if outcome and outcome.status == "ok"]
        lacking = [job for job in done if job.name not in found and evaluation.lacks(job)]
        with progress.counted(f"{spec.name}: metrics", len(lacking)) as count:
            evaluation(lacking, count)
        self._mirror(spec, setting, done)

    def _execute(
        self,
        spec: MethodSpec,
        jobs: Sequence[Job],
        seen: Survey,
        evaluation: Evaluation,
        progress: RunProgress,
    ) -> Iterator[Outcome]:
        """Make and judge the edits that are missing; the outcomes of those this process makes."""
        reuse = Reuse(self.store, self.session, self.keep_every, self.force, self.retry_failed)
        todo = [job for job in jobs if reuse.lacks(job)]
        if reason := self._unsupported(spec):
            for job in todo:
                self.store.put_failure(job, "unsupported", reason)
            return
        existing, n_steps = len(jobs) - len(todo), max(spec.editor.n_ticks, 1)
        quiet = spec is not self.method
        with progress.edits(spec.name, len(todo), existing, n_steps, quiet) as edits:
            if todo:
                for outcomes in self._executor(spec, reuse, edits)(todo, edits.batch):
                    self.session.publish(seen, self.store)
                    evaluation.judge([(o.job, o.edit) for o in outcomes if o.edit])
                    for outcome in outcomes:
                        edits.finished(outcome.reason if outcome.status == "failed" else "")
                        yield replace(outcome, edit=None)

    def _executor(self, spec: MethodSpec, reuse: Reuse, edits: EditProgress) -> Executor:
        def done(job: Job) -> bool:
            """Another process may have finished it since it was planned."""
            if reuse.lacks(job):
                return False
            edits.finished()
            return True

        return Executor(self.editor(spec), self.session.engine, self.store, done, self.force)

    def _existing(self, job: Job) -> Outcome | None:
        """The stored outcome; None where nothing is stored."""
        record = self.store.look(job.key, files=False).record
        return None if record is None else Outcome(job, record.status, record.reason)

    def _evaluation(self) -> Evaluation:
        metrics, here = self.load_metrics(), self.session.engine.describe(self.session.device)
        models, made_in = self.session.models, environment(here)
        return Evaluation(metrics, models, self.store, self.decode, self.encode, made_in)

    def _unsupported(self, spec: MethodSpec) -> str:
        """The message for a backbone that lacks a capability of the method; else empty. Reads no
        weights.
        """
        gives = self.backbone.gives
        for capability, part in needs(spec.editor).items():
            if capability not in gives:
                given = ", ".join(sorted(NAMES[g] for g in gives)) or "nothing beyond eps"
                return (
                    f"method={spec.name}: expected a backbone that gives {NAMES[capability]} "
                    f"({part} needs it); {self.backbone_name} gives {given}; use another backbone"
                )
        return ""

    def _mirror(self, spec: MethodSpec, setting: Setting, done: Sequence[Job]) -> None:
        """Give each logger the results that it lacks, those of a killed run among them."""
        group = f"{self.dataset.name} on {self.backbone_name}"
        config = {**self.config, "method": spec.method}
        for logger in self.loggers:
            mirror(spec.name, group, config, setting.key, done, self.store, logger)
