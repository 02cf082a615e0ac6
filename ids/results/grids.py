"""Tables as numbers. Text is made of them by `ids.report`, last."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from ids.results.columns import Column


@dataclass(frozen=True)
class LeftOut:
    """The number of cases with an edit that has no finite number, by reason. Its other edits count
    for such a case; without any, the case is left out.
    """

    undefined: int = 0  # the metric does not exist for the case: no mask, no true edit
    infinite: int = 0
    not_computed: int = 0  # the metric was never computed for the edit

    def __str__(self) -> str:
        """`4 undefined, 2 inf`; empty where nothing is left out."""
        named = ((self.undefined, "undefined"), (self.infinite, "inf"))
        parts = (*named, (self.not_computed, "not computed"))
        return ", ".join(f"{n} {name}" for n, name in parts if n)


@dataclass(frozen=True)
class PairedTest:
    """Of a paired difference: the standard deviation over cases (`spread`), Cohen's d_z, p-value,
    p-value corrected for all comparisons of the table, and the smallest difference that this number
    of cases detects with 80 % power. nan where undefined.
    """

    spread: float
    d_z: float
    p: float
    p_corrected: float
    detectable: float


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` cases (batches, where a column is measured per batch) and the ends of its
    95 % interval; nan for what is missing. Differences may have a `test`.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    left_out: LeftOut = LeftOut()
    test: PairedTest | None = None
    best: bool = False  # significantly better than the same column of every other method

    @property
    def numbers(self) -> dict[str, float | int]:
        """All by name: value, low, high, n, what is left out, and those of the test."""
        ends = {"value": self.value, "low": self.low, "high": self.high, "n": self.n}
        return ends | vars(self.left_out) | (vars(self.test) if self.test else {})


MISSING = Estimate(math.nan)


@dataclass(frozen=True)
class Row:
    """A setting's label, its baseline's in a difference (`against`), the number of its finished
    cases, a cell per column of the grid, and the number of cases per further status of the grid.
    """

    method: str
    cases: int
    cells: tuple[Estimate, ...]
    against: str | None = None
    others: tuple[int, ...] = ()


@dataclass(frozen=True)
class Grid:
    """A row per setting. `paired`: differences to a baseline, shown with a sign. `symmetric`:
    intervals are mean ± half; otherwise [low, high]. `statuses`: of cases that are not ok, counted
    per row. `interval`: the kind of the 95 % intervals, bootstrap or t. `tag`: of all its cases
    (in a report by tag).
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    paired: bool = False
    symmetric: bool = True
    statuses: tuple[str, ...] = ()
    interval: str = "bootstrap"
    tag: str = ""

    def select(self, keys: Collection[str]) -> "Grid":
        """The grid with these columns alone."""
        kept = [index for index, column in enumerate(self.columns) if column.key in keys]
        rows = (replace(row, cells=tuple(row.cells[i] for i in kept)) for row in self.rows)
        return replace(self, columns=tuple(self.columns[i] for i in kept), rows=tuple(rows))


@dataclass(frozen=True)
class ColumnNote:
    """A note that is shown with any of its columns; `{}` stands for the titles of those shown."""

    text: str
    columns: tuple[Column, ...]

    def about(self, keys: Collection[str] | None) -> str:
        """The note where these columns are shown (None: all); empty without any of them."""
        titles = [column.title for column in self.columns if keys is None or column.key in keys]
        return self.text.replace("{}", ", ".join(titles)) if titles else ""


@dataclass(frozen=True)
class Report:
    """Grids about one question, notes to them, and the keys of the results behind them."""

    title: str
    grids: tuple[Grid, ...]
    notes: tuple[str, ...]
    keys: tuple[str, ...]
    column_notes: tuple[ColumnNote, ...] = ()

    def all_notes(self, keys: Collection[str] | None = None) -> tuple[str, ...]:
        """The notes where these columns are shown; None shows all."""
        about = (note.about(keys) for note in self.column_notes)
        return (*self.notes, *(text for text in about if text))
