"""The comparisons that a claim is about: paired differences of the settings that fit it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import pandas as pd

from ids.core.errors import DataError
from ids.results.bootstrap import Level, mean_curves, read
from ids.results.catalog import ResultGroup
from ids.results.claim import Claim, method_of
from ids.results.columns import Column
from ids.results.curves import States
from ids.results.curves import paired as paired_states
from ids.results.families import families, resolve
from ids.results.frames import columns_of, curve_frame, frame
from ids.results.grids import MISSING, Estimate
from ids.results.labels import in_order, labelled, matches, settings_of
from ids.results.levels import axis_of
from ids.results.methods import MethodCurves, Question, method_curves
from ids.results.statistics import Edits, mean_cells, paired, setting_edits
from ids.run.store import Store

Values = Mapping[str, str]
OTHER = ("backbone.", "revision.", "distillation.")  # values that are not of the loop


@dataclass(frozen=True)
class Contrast:
    """The paired difference of two settings, or of the ends of a trend. `spec` is the one of
    `theirs` that it is about; `missing`: why it has no value.
    """

    settings: str
    estimate: Estimate
    spec: str = ""
    missing: str = "no finite difference"


@dataclass(frozen=True)
class GroupFrames:
    """The results of a data set on a backbone, as frames that are read once."""

    group: ResultGroup
    store: Store

    @cached_property
    def edits(self) -> pd.DataFrame:
        """A line per finished edit."""
        lines = frame(self.group.entries, self.store)
        return lines[lines["status"] == "ok"]

    @cached_property
    def states(self) -> pd.DataFrame:
        """A line per kept state."""
        return curve_frame(self.group.entries, self.store)

    @cached_property
    def columns(self) -> list[Column]:
        """Of both."""
        return columns_of(self.group.entries, self.edits)


def contrasts(claim: Claim, frames: GroupFrames, column: Column) -> Iterator[Contrast]:
    """Of every comparison that fits the claim, over the cases of both sides. `DataError` and
    `ConfigError` for results without such curves.
    """
    if claim.kind == "equal settings":
        yield from _at_equal_settings(claim, frames.edits, column)
    elif claim.kind == "trend":
        yield from _trends(claim, frames.edits, column)
    else:
        yield from _at_levels(claim, frames.states, column)


def fits(label: str, values: Values, spec: str) -> bool:
    """Is this a setting of the method, with these values? `scale=1.0|0.2165`: one of several."""
    name, *conditions = spec.split()
    return label.split(" ")[0] == name and all(
        any(matches(values, f"{key}={value}") for value in wanted.split("|"))
        for key, _, wanted in (condition.partition("=") for condition in conditions)
    )


def fitting(settings: pd.DataFrame, spec: str) -> dict[str, Values]:
    """The settings that fit, in order: label -> values."""
    values = dict(zip(settings["label"], settings["values"], strict=True))
    return {label: values[label] for label in in_order(values) if fits(label, values[label], spec)}


def nearest(label: str, values: Values, candidates: Mapping[str, Values]) -> str | None:
    """The setting that shares most values with this one; None without another one."""
    others = [other for other in candidates if other != label]
    shared = {other: len(values.items() & candidates[other].items()) for other in others}
    return max(others, key=shared.__getitem__, default=None)


def difference(ours: Edits, theirs: Edits) -> Estimate:
    """The mean paired difference of one column, with its bootstrap interval."""
    pairs = paired(ours, theirs)
    return mean_cells([pairs], "bootstrap")[0][0] if len(pairs.cases) else MISSING


def _at_equal_settings(claim: Claim, done: pd.DataFrame, column: Column) -> Iterator[Contrast]:
    settings, edits = settings_of(done), setting_edits(done, [column])
    for label, values in fitting(settings, claim.ours).items():
        for spec in claim.theirs:
            equal = {
                other: of
                for other, of in fitting(settings, spec).items()
                if not _unequal(values, of, _free(claim, spec))
            }
            if base := nearest(label, values, equal):
                found = difference(edits[label], edits[base])
                yield Contrast(f"{label} - {base}", found, spec)


def _free(claim: Claim, spec: str) -> list[str]:
    """The keys whose values `theirs` names, or the claim lets differ."""
    return [*(word.partition("=")[0] for word in spec.split()[1:]), *claim.may_differ]


def _unequal(ours: Values, theirs: Values, free: Iterable[str]) -> list[str]:
    """The keys of the loop that both settings have, with different values."""
    endings = tuple(f".{key}" for key in free)
    return [
        key
        for key in ours.keys() & theirs.keys()
        if ours[key] != theirs[key]
        and not key.startswith(OTHER)
        and not key.endswith("_target_")
        and not f".{key}".endswith(endings)
    ]


def _at_levels(claim: Claim, states: pd.DataFrame, column: Column) -> Iterator[Contrast]:
    """Matched edit strength and equal cost: both sides where their mean reaches the level."""
    axis = _axis(claim, states)
    names = {method_of(spec) for spec in (claim.ours, *claim.theirs)}
    lines = states[labelled(states, lambda label: label.split(" ")[0] in names)]
    if lines.empty:
        return
    methods = method_curves(lines, Question(axis, knobs=claim.knobs), [column.key])
    plain, mean = replace(column, measured=False), mean_curves()
    for label, base, spec in _curve_pairs(claim, methods):
        sides = [
            side.curves() for side in paired_states(methods.states[label], methods.states[base])
        ]
        for level in claim.levels(axis):
            found = MISSING
            if all(len(side.steps) for side in sides):
                found = read(sides, Level(axis, level), plain.key, mean)
            missing = f"not both reach {axis} {level:g}"
            yield Contrast(f"{label} - {base} at {axis} {level:g}", found, spec, missing)


def _axis(claim: Claim, states: pd.DataFrame) -> str:
    """The first axis of the claim that the results have."""
    problems: list[DataError] = []
    for name in claim.at:
        try:
            return axis_of(states, name)
        except DataError as error:
            problems.append(error)
    raise problems[0]


def _curve_pairs(claim: Claim, methods: MethodCurves) -> Iterator[tuple[str, str, str]]:
    moving: Mapping[str, States] = {k: of for k, of in methods.states.items() if of.moving}
    settings = methods.settings[methods.settings["label"].isin(list(moving))]
    for label, values in fitting(settings, claim.ours).items():
        for spec in claim.theirs:
            if base := nearest(label, values, fitting(settings, spec)):
                yield label, base, spec


def _trends(claim: Claim, done: pd.DataFrame, column: Column) -> Iterator[Contrast]:
    """Per family of settings that differ in the knob alone: its last value minus its first. A step
    between neighbours that goes against the claim takes its place.
    """
    found = fitting(settings_of(done), claim.ours)
    if len(found) < 2:
        return
    key, edits = resolve(method_of(claim.ours), claim.over, found), setting_edits(done, [column])
    for family in families(found, key):
        members = sorted(family, key=lambda label: float(found[label][key]))
        if len(members) > 1:
            yield _trend(claim, members, edits)


def _trend(claim: Claim, members: Sequence[str], edits: Mapping[str, Edits]) -> Contrast:
    ends = difference(edits[members[-1]], edits[members[0]])
    for before, after in pairwise(members):
        step = difference(edits[after], edits[before])
        if step.high < 0 if claim.direction == "higher" else step.low > 0:
            return Contrast(f"{after} - {before}", replace(step, n=min(step.n, ends.n)))
    return Contrast(f"{members[-1]} - {members[0]}", ends)
