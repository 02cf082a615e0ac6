"""`ids frontier`: areas, dominance, values at matched edit strength, and the Pareto set."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ids.core.errors import ConfigError
from ids.results.bootstrap import Level, mean_curves, read
from ids.results.columns import Column, columns_in, legend
from ids.results.frontier import Frontier, frontier_of
from ids.results.grids import MISSING, Estimate, Grid, Report, Row
from ids.results.labels import baseline_note, baseline_of
from ids.results.levels import (
    Span,
    above_note,
    axis_of,
    check_level,
    default_levels,
    find_column,
)
from ids.results.methods import MethodCurves, Question, method_curves
from ids.results.pareto import pareto_set

IDENTITY = (
    *("psnr_background", "lpips_alex", "feature_distance", "psnr_truth", "psnr"),
    *("views_psnr_background", "views_psnr_truth"),  # of scenes
)
SHARE = Column("share", "share of resamples", 2)
NOTE = (
    "All over the {n} cases that every method has, seeds averaged per case first. Each method is "
    "read where its mean {x} first reaches a level. mean: of {y} over {x} from {low:.3g} to "
    "{high:.3g}, the range that the methods share. [low, high]: 95 % bootstrap interval over "
    "cases, the same resamples for every method; each resample has its own range; no "
    "interval where less than 95 % of the resamples reach the level."
)
PARETO = (
    "Pareto set: the points that no other point equals or exceeds in both {x} and {y}, and the "
    "share of the resamples in which they belong to it; controls aside."
)


@dataclass(frozen=True)
class _View:
    """What the grids of one report share."""

    frontier: Frontier
    methods: MethodCurves
    strength: Column
    levels: Sequence[float]
    pairs: Mapping[str, str]  # each curve to the nearest one of the baseline

    @property
    def identity(self) -> Column:
        """The metric of identity."""
        return self.frontier.identity

    @property
    def columns(self) -> tuple[Column, ...]:
        """Of `cells`."""
        mean = replace(self.identity, key="mean", title=f"mean {self.identity.title}")
        at = [(f"at {level:.6g}", f"at {level:.3g}") for level in self.levels]
        return (mean, *(replace(self.identity, key=key, title=title) for key, title in at))

    def cells(self, *labels: str) -> tuple[Estimate, ...]:
        """The area and the values at the levels, of one label or of the difference of two."""
        covered = set(labels) <= set(self.frontier.shared)
        area = self.frontier.area(*labels) if covered else MISSING
        return (area, *(self.frontier.at(level, *labels) for level in self.levels))


def frontier_report(
    title: str,
    frame: pd.DataFrame,
    question: Question,
    metric: str | None = None,
    notes: Sequence[str] = (),
    columns: Sequence[Column] | None = None,
) -> Report:
    """Of a `curve_frame` of one data set and backbone; `metric` measures identity (default: the
    first of `IDENTITY` that the results have), `columns` are those of the frame. `DataError` where
    the results have no curves, not these metrics, or no common case; `ConfigError` for a metric of
    which neither more nor less is better.
    """
    view = _view(frame, question, metric, columns)
    low, high = view.frontier.span
    grids = [
        _means(view, f"{title}: {view.identity.title} over {view.strength.title}"),
        *_differences(view),
        *_dominance(view),
        _points(view),
    ]
    words = {"x": view.strength.title, "y": view.identity.title}
    own = [
        legend([view.identity, view.strength]),
        NOTE.format(n=view.frontier.n, low=low, high=high, **words),
        PARETO.format(**words),
        *view.methods.notes,
        *_certain(view),
        *_left_out(view),
        *_above(view),
        *view.methods.undefined([view.identity, view.strength]),
        *baseline_note(view.methods.settings, question.baseline),
    ]
    name = f"{title}, {view.identity.key} over {view.frontier.axis}"
    kept = tuple(note for note in (*own, *notes) if note)
    return Report(name, tuple(grids), kept, view.methods.keys)


def identity_of(frame: pd.DataFrame, axis: str, metric: str | None) -> str:
    """The column that measures identity. `ConfigError` where it is the axis."""
    names = [metric] if metric else [name for name in IDENTITY if name != axis]
    found = find_column(frame, names, IDENTITY, "frontier", "--y")
    if found == axis:
        raise ConfigError(f"--y: expected another metric than --x; got {metric}; change one")
    return found


def _view(
    frame: pd.DataFrame,
    question: Question,
    metric: str | None,
    columns: Sequence[Column] | None,
) -> _View:
    known = {c.key: c for c in (columns_in(map(str, frame)) if columns is None else columns)}
    axis = axis_of(frame, question.axis, "--x")
    identity = known[identity_of(frame, axis, metric)]
    if not identity.better:
        raise ConfigError(
            f"--y: expected a metric of which more or less is better; got {identity.key}, of which "
            "neither is; choose another"
        )
    methods = method_curves(frame, replace(question, axis=axis), [identity.key])
    frontier = frontier_of(methods.states, axis, identity)
    spans = {label: line.span() for label, line in frontier.lines.items()}
    levels = question.levels or default_levels(axis, spans)
    nearest = {k: baseline_of(k, methods.settings, question.baseline) for k in frontier.lines}
    pairs = {k: base for k, base in nearest.items() if base and base != k and base in nearest}
    return _View(frontier, methods, known[axis], levels, pairs)


def _means(view: _View, title: str) -> Grid:
    """The knob and the strength at both ends of each curve, its area, its values at the levels."""
    knob = replace(view.methods.knob_column, title=f"{view.methods.knob_column.title} from")
    ends = (
        replace(knob, key="first"),
        replace(knob, key="last", title="to"),
        replace(view.strength, key="weakest", title=f"{view.strength.title} from", better=0),
        replace(view.strength, key="strongest", title="to", better=0),
    )
    n, rows = view.frontier.n, []
    for label, line in view.frontier.lines.items():
        numbers = (line.knob[0], line.knob[-1], *line.span())
        cells = (*(Estimate(float(x), n=n) for x in numbers), *view.cells(label))
        rows.append(Row(label, n, cells))
    return Grid(title, (*ends, *view.columns), tuple(rows), symmetric=False)


def _differences(view: _View) -> Iterator[Grid]:
    rows = [
        Row(ours, view.frontier.n, view.cells(ours, theirs), theirs)
        for ours, theirs in view.pairs.items()
    ]
    if rows:
        yield Grid("paired differences", view.columns, tuple(rows), paired=True, symmetric=False)


def _dominance(view: _View) -> Iterator[Grid]:
    """Every method against every other one."""
    labels, n = view.frontier.shared, view.frontier.n
    if len(labels) < 2:
        return
    rows = tuple(
        Row(
            ours,
            n,
            tuple(MISSING if ours == x else view.frontier.dominance(ours, x) for x in labels),
        )
        for ours in labels
    )
    columns = tuple(Column(f"over {label}", f"over {label}", 2) for label in labels)
    low, high = view.frontier.span
    name = (
        f"dominance: the share of {view.strength.title} from {low:.3g} to {high:.3g} over which "
        "the row is better than the column"
    )
    yield Grid(name, columns, rows, symmetric=False)


def _points(view: _View) -> Grid:
    """The controls, and the Pareto set."""
    rows, axis, mean = [], view.frontier.axis, mean_curves()
    for label, states in view.methods.states.items():
        if label not in view.methods.knobs:
            curve = states.curves()
            keys = (axis, view.identity.key)
            cells = [read([curve], Level(axis, 0.0), key, mean) for key in keys]
            rows.append(Row(label, curve.n_cases, (*cells, MISSING)))
    for point in pareto_set(view.frontier):
        name = f"{point.label}, {view.methods.knobs[point.label]} {point.knob:g}"
        cells = [point.strength, point.identity, Estimate(point.share, n=view.frontier.n)]
        rows.append(Row(name, view.frontier.n, tuple(cells)))
    columns = (view.strength, view.identity, SHARE)
    return Grid("controls and Pareto set", columns, tuple(rows), symmetric=False)


def _left_out(view: _View) -> Iterator[str]:
    """Curves without common cases, or without a part in the common range."""
    choice = "`ids frontier --method NAME` chooses the methods"
    if apart := ", ".join(view.frontier.apart):
        yield f"{apart}: left out, no case and seed in common with the other curves; {choice}."
    for label in view.frontier.lines:
        if label not in view.frontier.shared:
            low, high = view.frontier.lines[label].span()
            yield (
                f"{label}: left out of mean and dominance, since too few resamples would have a "
                f"common range; its {view.strength.title} runs from {low:.3g} to {high:.3g} only; "
                f"{choice}."
            )


def _above(view: _View) -> Iterator[str]:
    """Checks the levels, and names the curves that start above one."""
    lines, axis = view.frontier.lines, view.frontier.axis
    starts = {label: float(line.strength[0, 0]) for label, line in lines.items()}
    anytime = {label for label, line in lines.items() if line.anytime}
    for level in view.levels:
        yield above_note(level, check_level(axis, level, starts, anytime))


def _certain(view: _View) -> Iterator[str]:
    """Where the difference to the baseline is certain."""
    for ours, theirs in view.pairs.items():
        if {ours, theirs} <= set(view.frontier.shared):
            better, worse = view.frontier.certain(ours, theirs)
            found = {"better": better, "worse": worse}
            parts = [f"{word} at {_ranges(spans)}" for word, spans in found.items() if spans]
            yield (
                f"{ours} to {theirs}: {' and '.join(parts) or 'neither better nor worse'} (the "
                f"levels of {view.strength.title} at which the 95 % interval of the paired "
                "difference excludes 0)."
            )


def _ranges(spans: Sequence[Span]) -> str:
    return ", ".join(f"{low:.3g} to {high:.3g}" for low, high in spans)
