"""The cases of a group that are worth a look: worst, best, and those the methods disagree on."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

import pandas as pd

from ids.results.columns import Column
from ids.results.labels import is_edit


def notable_cases(lines: pd.DataFrame, columns: Sequence[Column], count: int) -> list[str]:
    """Digests of at most `count` cases, by the first column with a direction: the worst, best and
    most disagreed-on ones by turns. Of the edits of all methods but the controls.
    """
    column = next((c for c in columns if c.better and not c.measured), None)
    if column is None or lines.empty or count <= 0:
        return list(dict.fromkeys(lines["case"]))[: max(count, 0)] if len(lines) else []
    done = lines[(lines["status"] == "ok") & lines["label"].map(is_edit).astype(bool)]
    per_case = done.groupby("case")[column.key]
    worst = (per_case.mean() * column.better).sort_values(kind="stable").dropna()
    spread = (per_case.max() - per_case.min()).sort_values(ascending=False, kind="stable")
    turns = _turns(list(worst.index), list(worst.index[::-1]), list(spread.dropna().index))
    return list(dict.fromkeys(turns))[:count]


def _turns(*lists: Sequence[str]) -> Iterator[str]:
    for group in zip_longest(*lists):
        yield from (case for case in group if case is not None)
