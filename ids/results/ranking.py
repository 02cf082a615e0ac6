"""Edits in the order of a metric: the worst, the best, and cases on which methods disagree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ids.core.errors import ConfigError
from ids.results.columns import Column, base_of
from ids.results.contrasts import GroupFrames, fits
from ids.results.labels import is_edit


@dataclass(frozen=True)
class RankedEdit:
    """An edit, and its value of the metric."""

    value: float
    key: str
    label: str
    id: str
    seed: int  # -1 for none
    prompts: tuple[str, str]
    case: str  # its digest


@dataclass(frozen=True)
class Ranking:
    """Edits of one data set and backbone."""

    title: str
    column: Column
    edits: tuple[RankedEdit, ...]


def worst(
    groups: Sequence[GroupFrames], metric: str, method: str = "", n: int = 10, best: bool = False
) -> list[Ranking]:
    """The `n` worst (or `best`) edits of each data set, backbone and network by a metric, of the
    settings that fit `method` (`ids guidance_scale=3`; default: all but null and true edit).
    `ConfigError` for a metric or method without results, and a metric of which neither more nor
    less is better.
    """
    found = [
        _ranking(of, column, method, n, best)
        for of in groups
        for column in of.columns
        if base_of(column.key) == metric
    ]
    _check(groups, metric, method, found)
    return [ranking for ranking in found if ranking.edits]


def disagreement(of: GroupFrames, column: Column) -> list[tuple[str, float]]:
    """Cases (digests) by the standard deviation of the metric over methods, the largest first; null
    and true edit, and whatever else is no edit, are left out.
    """
    lines = of.edits[of.edits["label"].map(is_edit).astype(bool)]
    table = lines.pivot_table(index="case", columns="label", values=column.key, aggfunc="mean")
    spread = table.where(np.isfinite(table)).std(axis=1, ddof=0).dropna()
    ordered = spread.sort_values(ascending=False, kind="stable")
    return [(str(case), float(value)) for case, value in ordered.items()]


def _ranking(of: GroupFrames, column: Column, method: str, n: int, best: bool) -> Ranking:
    chosen = [
        fits(label, values, method) if method else is_edit(label)
        for label, values in zip(of.edits["label"], of.edits["values"], strict=True)
    ]
    lines = of.edits[chosen].dropna(subset=[column.key])
    upwards = (column.better > 0) != best
    lines = lines.sort_values([column.key, "key"], ascending=[upwards, True]).head(n)
    rows = {entry.row.case: entry.row for entry in of.group.entries}
    edits = tuple(
        RankedEdit(float(value), key, label, row.id, int(seed), row.prompts, row.case)
        for value, key, label, row, seed in zip(
            lines[column.key],
            lines["key"],
            lines["label"],
            (rows[case] for case in lines["case"]),
            lines["seed"],
            strict=True,
        )
    )
    return Ranking(of.group.title, column, edits)


def _check(
    groups: Sequence[GroupFrames], metric: str, method: str, found: Sequence[Ranking]
) -> None:
    columns = {base_of(column.key): column for of in groups for column in of.columns}
    directed = [name for name, column in columns.items() if column.better]
    if metric not in directed:
        what = "one of which neither more nor less is better" if metric in columns else "none"
        raise ConfigError(
            f"worst {metric[:60]}: expected a metric of the results ({', '.join(directed)}); got "
            f"{what}; change it"
        )
    if not any(ranking.edits for ranking in found):
        labels = sorted({str(label) for of in groups for label in of.edits["label"].unique()})
        raise ConfigError(
            f"--method {method[:60]}: expected a method with values of {metric} "
            f"({', '.join(labels)}); got none; change it"
        )
