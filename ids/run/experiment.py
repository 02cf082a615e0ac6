"""One setting over one data set: everything that its jobs need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ids.core.capabilities import NAMES, needs
from ids.core.edit import Editor, LatentSubject, Representation
from ids.core.errors import ConfigError, UnsupportedError
from ids.core.logs import Logger
from ids.core.protocols import BackboneSource, Dataset, Metric, NetworkMetric
from ids.core.records import EditCase, LazyImage
from ids.core.rows import RowSelection
from ids.core.tensors import Images, Latent
from ids.editing.finished import source_editor, unfinished
from ids.log.progress import RunProgress
from ids.metrics.sizes import check_size
from ids.representations import LatentSpace, encode
from ids.run.code import code_digests, revisions
from ids.run.edit import BatchEditor
from ids.run.environment import environment
from ids.run.evaluate import Evaluation, metric_key
from ids.run.execute import Executor, Outcome
from ids.run.job import Job, Setting, normalize_numbers, plan
from ids.run.manifest import Survey
from ids.run.reuse import Reuse
from ids.run.session import Session
from ids.run.store import Store


@dataclass(frozen=True)
class MethodSpec:
    """A method: its name, its configuration without ignored values, and the editor of it."""

    name: str
    method: Mapping[str, Any]
    editor: Editor

    @property
    def unfinished(self) -> "MethodSpec":
        """The method without its finish."""
        method = {key: node for key, node in self.method.items() if key != "finish"}
        return MethodSpec(self.name, method, unfinished(self.editor))


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
        if reason := self._mismatch():
            raise ConfigError(reason)
        if (reason := self.unsupported(self.method)) and not self.sweep:
            raise UnsupportedError(reason)

    def _mismatch(self) -> str:
        """The message for scenes that would be edited as images, or the reverse; else empty."""
        is_scene, edits_scenes = _of_scenes(self.dataset), _of_scenes(self.representation)
        if is_scene and not edits_scenes:
            return (
                "representation: expected one of scenes for this data set; got one of images, "
                "which would edit a single photo; add representation=nerf, or nerf_capture for "
                "photos"
            )
        if edits_scenes and not is_scene:
            return (
                "dataset: expected scenes for this representation; got images; use dataset=capture "
                "or dataset=scene_shapes, or representation=latent"
            )
        return ""

    @property
    def n_steps(self) -> int:
        """Edit steps of the method over all cases and seeds, existing results included."""
        n_cases = len(self.selection.rows(self.dataset))
        seeds = len(self.seeds) if self.method.editor.uses_seed else 1
        return n_cases * seeds * max(self.method.editor.n_ticks, 1)

    @property
    def specs(self) -> list[MethodSpec]:
        """The controls, then the method."""
        return [c for c in self.controls if c.name != self.method.name] + [self.method]

    def spec(self, name: str) -> MethodSpec:
        """The method or control of that name."""
        return next(spec for spec in self.specs if spec.name == name)

    def run(self, folder: Path, progress: RunProgress | None = None) -> list[Outcome]:
        """Make what is missing, and write `folder/outcomes.json`: how every edit ended.

        Where an error stops the run, the outcomes of everything before it are written first.
        `IdsError` for errors that the user can correct.
        """
        from ids.run.alone import run_alone  # a sweep is made of experiments

        return run_alone(self, folder, progress)

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
            self.representation.identity(),
        )

    def editor(self, spec: MethodSpec) -> BatchEditor:
        """The editor of a method on the loaded backbone. Finishes share edits, and settings with
        the same source halves share those, where the engine shares.
        """
        backbone, device = self.session.backbone(self.backbone), self.session.device
        raw = spec.unfinished
        source = replace(raw, editor=source_editor(raw.editor))
        return BatchEditor(
            self.session.cached_editor(spec.editor, self.setting(raw)),
            backbone,
            device,
            self.keep_every,
            self.representation,
            self.session.anchors(self.store, self.setting(source)),
            self.setting(spec).key,
        )

    def executor(self, spec: MethodSpec, folder: Path | None = None) -> Executor:
        """Makes the edits of a method, batch by batch; tracebacks of single rows go to `folder`.
        Loads the backbone.
        """

        def done(job: Job) -> bool:
            return not self.reuse.lacks(job)

        edit, engine = self.editor(spec), self.session.engine
        warm = self.session.warm(self.backbone)
        return Executor(edit, engine, self.store, done, self.force, folder, warm)

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

    @property
    def reuse(self) -> Reuse:
        """Which existing results are reused."""
        return Reuse(self.store, self.session, self.keep_every, self.force, self.retry_failed)

    def jobs(self, spec: MethodSpec) -> list[Job]:
        """The jobs of a method over all cases; equal rows share one."""
        planned = plan(self.setting(spec), spec.editor, self.survey().cases, self.seeds)
        return list({job.name: job for job in planned}.values())

    def job(self, spec: MethodSpec, setting: Setting, case: EditCase, seed: int | None) -> Job:
        """The job of a single case."""
        (job,) = plan(setting, spec.editor, [case], [seed or 0])
        return job

    def cases(self) -> Mapping[str, EditCase]:
        """The cases by id; their images are not read yet."""
        return self.session.cases(self.dataset, self.selection)

    def metric_keys(self) -> frozenset[str]:
        """The keys of all metrics. `WeightsError` where a file is missing."""
        return frozenset(metric_key(metric) for metric in self.metrics.values())

    def evaluation(self) -> Evaluation:
        """All metrics, their networks loaded."""
        metrics, here = self.load_metrics(), self.session.engine.describe(self.session.device)
        models, made_in = self.session.models, environment(here)
        return Evaluation(metrics, models, self.store, self.decode, self.encode, made_in)

    def unsupported(self, spec: MethodSpec) -> str:
        """The message for a backbone, or a representation, that lacks a capability of the method;
        else empty. Reads no weights.
        """
        gives, wanted = self.backbone.gives, needs(spec.editor)
        if (part := wanted.pop(LatentSubject, "")) and _of_scenes(self.representation):
            return (
                f"method={spec.name}: expected a method that edits scenes; got one that writes "
                f"latents ({part}), which scenes lack; use a distillation method without finish"
            )
        for capability, part in wanted.items():
            if capability not in gives:
                given = ", ".join(sorted(NAMES[g] for g in gives)) or "nothing beyond eps"
                return (
                    f"method={spec.name}: expected a backbone that gives {NAMES[capability]} "
                    f"({part} needs it); {self.backbone_name} gives {given}; use another backbone"
                )
        return ""


def _of_scenes(part: Dataset | Representation) -> bool:
    return bool(getattr(part, "of_scenes", False))
