"""The Python API: `ids.edit`, `ids.run`, `ids.results`, `ids.compare`. The command line and these
functions call the same code, and give the same numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ids.backbones import InMemory, from_pipeline, in_memory
from ids.config.build import build_experiment
from ids.config.compose import compose_all
from ids.config.entry import Launched, launch, prepare
from ids.config.sources import find_sources
from ids.config.values import words_of
from ids.core.errors import ConfigError, DataError, IdsError
from ids.core.protocols import Backbone
from ids.data.given import Canvas, Given, given
from ids.edit_result import EditResult, Numbers
from ids.log.progress import RunProgress
from ids.run import Experiment, Session, Store
from ids.run.direct import edit_directly, read_edit
from ids.run.edit import BatchEditor, FinishedEdit
from ids.run.judge import judge_edits

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EditResult", "Run", "Session", "compare", "edit", "load_backbone", "results", "run"]
Words = Sequence[str]
Found = FinishedEdit | IdsError


def edit(
    image: Any,
    *,
    source: str | Sequence[str],
    target: str | Sequence[str],
    method: str = "ids",
    backbone: Any = "sd15",
    mask: Any = None,
    seed: int = 0,
    store: str | Path | None = None,
    metrics: str = "standard",
    size: int | None = None,
    fit: str = "aspect",
    blend: str = "",
    weights: str = "",
    overrides: Words = (),
    config_dirs: Words = (),
    session: Session | None = None,
    progress: bool = True,
    **values: object,
) -> Any:
    """Edit one image, or a list of images as a batch: an `EditResult`, or a list of them.

    `image` is a path, a PIL image, a numpy array [h, w, 3] or a tensor [3, h, w], uint8 or float in
    [0, 1]; `mask` likewise, white where the edit belongs (read by metrics). A batch has one prompt
    for all images, or a list. `backbone` is an option (`sd15`), a diffusers pipeline in memory, or
    a `Backbone`. `values` are configuration values (`n_steps=100`, `fpr={"scale": 0.2}`,
    `backbone__precision="fp16"`), `overrides` words of the command line. Images are resized to
    `size` pixels (default: the backbone's) by the rule `fit`, and results to the original size.
    `blend` ("cat dog") and `weights` ("dog:2") are for Prompt-to-Prompt. Draws are those of
    `ids run` at the same seed.

    Nothing is written, unless `store` names a folder of results: existing results are then read,
    and new ones kept. A `session` keeps networks loaded from call to call.

    Raises `ConfigError`, `DataError`, `WeightsError` or `UnsupportedError`. In a batch, an edit
    that fails alone has its `error` set, and the others are returned.
    """
    words = [f"method={method}", f"metrics={metrics}", "controls=none", f"seeds=[{seed}]"]
    words += [*overrides, *words_of(values)]
    experiment = _experiment(words, backbone, size, config_dirs, session or Session())
    images = list(image) if isinstance(image, list | tuple) else [image]
    canvas = Canvas(experiment.config["backbone"]["image_size"], fit)
    cases = given(images, mask, source, target, canvas, blend, weights)
    experiment = replace(experiment, dataset=cases)
    console = Console(stderr=True, quiet=not progress)
    with RunProgress(console=console) as bars:
        if store is None:
            found = [("", one) for one in _edited(experiment, cases, bars)]
        else:
            found = _stored(replace(experiment, store=Store(Path(store))), cases, bars)
    results = [
        _result(experiment, cases, index, key, one) for index, (key, one) in enumerate(found)
    ]
    if isinstance(image, list | tuple):
        return results
    if results[0].error:
        raise results[0].error
    return results[0]


@dataclass(frozen=True)
class Run:
    """What `ids.run` did: `folder` has the outcomes and the configuration of each setting, `errors`
    a line per setting that could not run, or broke off.
    """

    folder: Path
    output_dir: Path
    errors: Sequence[str]
    notes: Sequence[str]

    def results(self) -> "pd.DataFrame":
        """The edits of this run and those that existed before; columns as of `ids.results`."""
        from ids.report.summary import run_frame

        return run_frame(self.folder, self.output_dir)


def run(overrides: Words, *, config_dirs: Words = (), force: bool = False) -> Run:
    """`ids run`: edit a data set, or sweep, with words of the command line (`method=sds,dds,ids`).
    Results are kept in `output_dir`; existing ones are skipped, or made again with `force`. A
    single setting that cannot run raises its `IdsError`; in a sweep it costs itself only.
    """
    words = [*overrides, *(["force=true"] if force else [])]
    prepared = prepare(words, config_dirs=config_dirs)
    refused = [str(setting.error) for setting in prepared.refused]
    if not prepared.ready:
        raise ConfigError("; ".join(dict.fromkeys(refused)))
    launched = launch(prepared)
    if launched.failed and not prepared.sweep:
        raise launched.failed[0].error
    return _run_of(launched, refused)


def results(
    path: str | Path = "outputs",
    *,
    dataset: str = "",
    method: Words = (),
    tag: str = "",
    where: Words = (),
    states: bool = False,
) -> "pd.DataFrame":
    """The results of a store, one line per edit (with `states` one per kept state): labels of the
    case, method, `setting.*`, metrics, seconds, NFE and memory. The selection is that of
    `ids table`. Empty where nothing fits. `ConfigError` where `path` is no folder.
    """
    from ids.results.catalog import open_store, read_catalog
    from ids.results.export import export_frame
    from ids.results.selection import Selection

    root = Path(path)
    chosen = Selection(root, dataset, method, tag, where)
    store = open_store(root)
    return export_frame(chosen.groups(read_catalog(store)), store, states)


def compare(frame: "pd.DataFrame", baseline: str = "dds", columns: Words = ()) -> "pd.DataFrame":
    """Means and paired differences to `baseline` of a frame of `ids.results`, by data set and
    backbone: one line per method and column, with the ends of the 95 % Student t interval over
    cases and the number n of cases. `against` is empty for a mean. Seeds are averaged within a case
    first. `baseline` may name values, as in `ids table`: `ids fpr.n_iters=1`.
    """
    from ids.results.compare import compare_frame

    return compare_frame(frame, baseline, columns)


def load_backbone(name: str, session: Session | None = None, **values: object) -> Backbone:
    """A loaded backbone by its option (`shapes`, `sd15`), for `ids.edit` and for work with its
    latents and noise predictions. `values` are its own: `precision="fp16"`.
    """
    words = words_of({"backbone": values})
    experiment = _experiment(words, name, None, (), session or Session())
    return experiment.session.backbone(experiment.backbone)


def _experiment(
    words: Words, backbone: Any, size: int | None, config_dirs: Words, session: Session
) -> Experiment:
    """The experiment of one setting."""
    source = None if isinstance(backbone, str) else _source(backbone, size)
    if source is None:
        words = [f"backbone={backbone}", *words]
        words += [] if size is None else [f"backbone.image_size={size}"]
    else:
        words = ["backbone=stable_diffusion", "backbone.path=memory", *words]
        words += [f"backbone.image_size={source.image_size}"]
        words += [f"backbone.fpr_scale={source.fpr_scale}"]
    settings = compose_all(words, find_sources(config_dirs))
    if len(settings) > 1:
        raise ConfigError("ids.edit: expected one setting; got a sweep; use ids.run")
    experiment = build_experiment(settings[0], session=session)
    if source is None:
        return experiment
    return replace(experiment, backbone=source, backbone_name="memory")


def _source(backbone: object, size: int | None) -> InMemory:
    """Of a `Backbone`, or of the networks of a diffusers pipeline."""
    return in_memory(backbone if isinstance(backbone, Backbone) else from_pipeline(backbone), size)


def _edited(experiment: Experiment, cases: Given, bars: RunProgress) -> list[Found]:
    """The edits, made in memory."""
    session, spec = experiment.session, experiment.method
    backbone = session.backbone(experiment.backbone)
    editor = BatchEditor(spec.editor, backbone, session.device, experiment.keep_every)
    n_steps = max(spec.editor.n_ticks, 1)
    with bars.edits(spec.name, len(cases), 0, n_steps) as edits:
        return edit_directly(
            editor, cases.cases, experiment.seeds[0], session.engine.batch_size, edits
        )


def _stored(experiment: Experiment, cases: Given, bars: RunProgress) -> list[tuple[str, Found]]:
    """The edits and their keys, read from the store after a run over it."""
    store = experiment.store
    now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
    outcomes = experiment.run(store.root / "runs" / now, bars)
    by_case = {outcome.job.case.digest: outcome for outcome in outcomes}
    found: list[tuple[str, Found]] = []
    for case in cases.cases:
        outcome = by_case[case.digest]
        ok = outcome.status == "ok"
        edit = read_edit(store, outcome.job) if ok else DataError(outcome.reason)
        found.append((outcome.job.key, edit))
    return found


def _result(experiment: Experiment, cases: Given, index: int, key: str, found: Found) -> EditResult:
    def judge(finished: FinishedEdit) -> Numbers:
        session = experiment.session
        metrics = {metric.name: metric for metric in experiment.metrics.values()}
        backbone = session.backbone(experiment.backbone)
        last = replace(finished, states={})
        (judged,) = judge_edits([last], metrics, session.models, backbone.decode)
        return {
            name: math.nan if number.value is None else number.value
            for name, number in judged.values.items()
        }

    return EditResult(cases[index], key, found, cases.images[index], judge)


def _run_of(launched: Launched, refused: Sequence[str]) -> Run:
    failed = [str(setting.error) for setting in launched.failed]
    return Run(launched.folder, launched.output_dir, [*failed, *refused], launched.prepared.notes)
