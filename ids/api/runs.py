"""`ids.run`, and its results as frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ids.api.setting import AnyPath, Folders, Words, each
from ids.config.entry import prepare
from ids.core.errors import ConfigError
from ids.launch import launch

if TYPE_CHECKING:
    import pandas as pd

    from ids.results.methods import Question


@dataclass(frozen=True)
class Run:
    """A finished `ids.run`: `folder` has the outcomes and the configuration of each setting,
    `errors` a line per setting that could not run, or broke off; `notes` are about words that
    change nothing.
    """

    folder: Path
    output_dir: Path
    errors: Sequence[str]
    notes: Sequence[str]

    def results(self) -> "pd.DataFrame":
        """The edits of this run and those that existed before; columns as of `ids.results`."""
        from ids.report.summary import run_frame

        return run_frame(self.folder, self.output_dir)


def run(overrides: Words, *, config_dirs: Folders = (), force: bool = False) -> Run:
    """`ids run`: edit a data set, or sweep, with words of the command line (`method=sds,dds,ids`).
    Results are kept in `output_dir`; existing ones are skipped, or made again with `force`. A
    single setting that cannot run raises its `IdsError`; in a sweep it costs itself only.
    """
    words = [*each(overrides), *(["force=true"] if force else [])]
    prepared = prepare(words, config_dirs=each(config_dirs))
    if not prepared.ready:
        refused = [str(setting.error) for setting in prepared.refused]
        raise ConfigError("; ".join(dict.fromkeys(refused)))
    launched = launch(prepared)
    if launched.failed and not prepared.sweep:
        raise launched.failed[0].error
    errors = [
        f"{setting.error} (the setting {' '.join(setting.words)})"
        for setting in (*launched.failed, *prepared.refused)
    ]
    return Run(launched.folder, prepared.output_dir, errors, prepared.notes)


def results(
    path: AnyPath = "outputs",
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
    chosen = Selection(root, dataset, each(method), tag, each(where))
    store = open_store(root)
    return export_frame(chosen.groups(read_catalog(store)), store, states)


def compare(
    frame: "pd.DataFrame", baseline: str = "dds", columns: Words = (), interval: str = "bootstrap"
) -> "pd.DataFrame":
    """Means and paired differences to `baseline` of a frame of `ids.results`, by data set and
    backbone: one line per method and column, with the ends of the 95 % interval over cases
    (`interval`: bootstrap or t), the number n of cases, and those without a finite number by
    reason. Differences also have d_z, p, p_corrected (Holm, over all differences of `columns`) and
    the smallest detectable difference. `against` is empty for a mean. Seeds are averaged within a
    case first. `baseline` may name values, as in `ids table`: `ids fpr.n_iters=1`; where no result
    is of the baseline, a warning is logged and the frame has no differences.
    """
    from ids.results.compare import compare_frame

    return compare_frame(frame, baseline, each(columns), interval)


def matched(
    frame: "pd.DataFrame",
    axis: str | None = None,
    at: float | Sequence[float] = (),
    *,
    baseline: str = "dds",
    columns: Words = (),
    knobs: Mapping[str, str] | None = None,
) -> "pd.DataFrame":
    """`ids table --matched` of a frame of `ids.results(states=True)`: every method where its mean
    `axis` first reaches each level, and paired differences to `baseline`; one line per level,
    method and column, with value, low, high and n. `knobs`: what a method's curve runs along,
    as in `{"sdedit": "strength"}`, where its settings differ in several numbers.
    """
    from ids.results.curve_numbers import matched_frame

    return matched_frame(frame, _question(axis, at, baseline, knobs), each(columns))


def frontier(
    frame: "pd.DataFrame",
    x: str | None = None,
    y: str | None = None,
    at: float | Sequence[float] = (),
    *,
    baseline: str = "dds",
    knobs: Mapping[str, str] | None = None,
) -> "pd.DataFrame":
    """`ids frontier` of a frame of `ids.results(states=True)`: identity `y` over edit strength `x`.
    One line per method and number: mean over the common range, values at levels, dominance over
    every other method (`against`), and differences to `baseline`.
    """
    from ids.results.curve_numbers import frontier_frame

    return frontier_frame(frame, _question(x, at, baseline, knobs), y)


def _question(
    axis: str | None,
    at: float | Sequence[float],
    baseline: str,
    knobs: Mapping[str, str] | None,
) -> "Question":
    from ids.results.methods import Question

    levels = [float(at)] if isinstance(at, int | float) else [float(level) for level in at]
    return Question(axis, levels, baseline, knobs or {})
