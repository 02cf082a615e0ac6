"""Two settings side by side: paired differences per metric, and the cases where they differ most.
The two may be of one store, or equal settings of two stores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from ids.core.errors import ConfigError
from ids.results.catalog import Entry
from ids.results.columns import Column, base_of
from ids.results.contrasts import GroupFrames, fitting, nearest
from ids.results.grids import Estimate
from ids.results.labels import settings_of
from ids.results.statistics import mean_cells, paired, setting_edits

TELLING = ("psnr_background", "lpips_alex", "feature_distance", "psnr")  # of how two edits differ
CODE = "revision."  # values that may differ between equal settings of two stores


@dataclass(frozen=True)
class MetricPair:
    """A metric of two settings: means over their own cases, and the paired difference."""

    column: Column
    ours: Estimate
    theirs: Estimate
    difference: Estimate


@dataclass(frozen=True)
class CasePair:
    """A case in both settings: the metric's means over seeds, and the key of an edit of each."""

    id: str
    prompts: tuple[str, str]
    ours: float
    theirs: float
    keys: tuple[str, str]
    case: str  # its digest

    @property
    def difference(self) -> float:
        """Ours minus theirs."""
        return self.ours - self.theirs


@dataclass(frozen=True)
class SideBySide:
    """Two settings on one data set and backbone. `cases` are all of both by the `telling` metric,
    the most different first.
    """

    title: str
    ours: str
    theirs: str
    metrics: tuple[MetricPair, ...]
    telling: Column
    cases: tuple[CasePair, ...]


def compare_settings(
    groups: Sequence[GroupFrames], ours: str, theirs: str, metric: str = ""
) -> list[SideBySide]:
    """Every setting that fits `ours` (`ids guidance_scale=3`) beside the nearest that fits
    `theirs`. `ConfigError` where no data set has both.
    """
    found = [
        side_by_side(of.group.title, (of, of), (label, base), metric)
        for of in groups
        for label, base in _pairs(of, ours, theirs)
    ]
    if not found:
        labels = sorted({str(label) for of in groups for label in of.edits["label"].unique()})
        raise ConfigError(
            f"compare: expected two settings with results on one data set ({', '.join(labels)}); "
            f"got {ours!r} and {theirs!r}; change them"
        )
    return found


def compare_stores(
    ours: Sequence[GroupFrames], theirs: Sequence[GroupFrames], metric: str = ""
) -> list[SideBySide]:
    """Every setting that both stores have, revisions of the code aside, on equal cases and weights.
    `ConfigError` where they share none.
    """
    found = [
        side_by_side(mine.group.title, (mine, other), labels, metric)
        for mine in ours
        for other in theirs
        if mine.group.backbone == other.group.backbone and _cases(mine) & _cases(other)
        for labels in _equal_settings(mine, other)
    ]
    if not found:
        raise ConfigError(
            "compare: expected two stores that share a setting on the same cases; got none; check "
            "the folders"
        )
    return found


def side_by_side(
    title: str, sides: tuple[GroupFrames, GroupFrames], labels: tuple[str, str], metric: str = ""
) -> SideBySide:
    """Of one setting of each side. `ConfigError` for a metric that they do not share."""
    columns = _shared_columns(*sides)
    telling = _telling(columns, metric)
    lines = [
        of.edits[of.edits["label"] == label].assign(label=side)
        for of, label, side in zip(sides, labels, ("ours", "theirs"), strict=True)
    ]
    both = pd.concat(lines, ignore_index=True)
    edits = setting_edits(both, columns)
    each = (edits["ours"], edits["theirs"], paired(edits["ours"], edits["theirs"]))
    cells = zip(columns, *mean_cells(each, "bootstrap"), strict=True)
    names = labels
    if sides[0] is not sides[1]:
        names = tuple(f"{k} in {of.store.root}" for k, of in zip(labels, sides, strict=True))  # type: ignore[assignment]
    metrics = tuple(MetricPair(*cell) for cell in cells)
    cases = tuple(_case_pairs(both, sides[0].group.entries, telling))
    return SideBySide(title, *names, metrics, telling, cases)


def _pairs(of: GroupFrames, ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    settings = settings_of(of.edits)
    for label, values in fitting(settings, ours).items():
        if base := nearest(label, values, fitting(settings, theirs)):
            yield label, base


def _cases(of: GroupFrames) -> set[str]:
    return set(of.edits["case"])


def _equal_settings(mine: GroupFrames, other: GroupFrames) -> Iterator[tuple[str, str]]:
    """Labels of the settings with the same name and values."""

    def named(of: GroupFrames) -> dict[tuple[str, frozenset[tuple[str, str]]], str]:
        return {
            (
                label.split(" ")[0],
                frozenset(item for item in values.items() if not item[0].startswith(CODE)),
            ): label
            for label, values in settings_of(of.edits).itertuples(index=False, name=None)
        }

    theirs = named(other)
    yield from ((label, theirs[k]) for k, label in named(mine).items() if k in theirs)


def _shared_columns(mine: GroupFrames, other: GroupFrames) -> list[Column]:
    """Per-case metrics and NFE whose values are of the same networks on both sides."""
    networks = [_networks(of.group.entries) for of in (mine, other)]
    known = {column.key for column in other.columns}
    return [
        column
        for column in mine.columns
        if column.key in known
        and (column.exact or not column.measured)
        and networks[0].get(base_of(column.key)) == networks[1].get(base_of(column.key))
        and not (mine.edits[column.key].isna().all() or other.edits[column.key].isna().all())
    ]


def _networks(entries: Sequence[Entry]) -> dict[str, set[str]]:
    """Metric -> its keys: revision and network."""
    found: dict[str, set[str]] = {}
    for key in {key for entry in entries for key in entry.numbers.values}:
        found.setdefault(key.split("@")[0], set()).add(key)
    return found


def _telling(columns: Sequence[Column], metric: str) -> Column:
    """The metric by which cases are ordered."""
    wanted = [metric] if metric else [*TELLING, *(base_of(column.key) for column in columns)]
    by_name = {base_of(column.key): column for column in reversed(columns)}
    found = next((by_name[name] for name in wanted if name in by_name), None)
    if found is None:
        raise ConfigError(
            f"--by: expected a metric of both settings ({', '.join(by_name) or 'none exists'}); "
            f"got {metric!r}; change it"
        )
    return found


def _case_pairs(both: pd.DataFrame, entries: Sequence[Entry], column: Column) -> Iterator[CasePair]:
    """Cases of both sides with a finite difference, the most different first."""
    rows = {entry.row.case: entry.row for entry in entries}
    means = both.pivot_table(index="case", columns="label", values=column.key, aggfunc="mean")
    keys = both.pivot_table(index="case", columns="label", values="key", aggfunc="first")
    if not {"ours", "theirs"} <= set(means):
        return
    distance = (means["ours"] - means["theirs"]).abs()
    for case in distance[distance < float("inf")].sort_values(kind="stable").index[::-1]:
        row, value, key = rows[case], means.loc[case], keys.loc[case]
        sides = (float(value["ours"]), float(value["theirs"]))
        yield CasePair(row.id, row.prompts, *sides, (key["ours"], key["theirs"]), case)
