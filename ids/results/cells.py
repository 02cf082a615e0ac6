"""What a table holds: numbers, until a renderer makes text of them."""

import math
from dataclasses import dataclass

from ids.results.columns import Column


@dataclass(frozen=True)
class Cell:
    """A mean over `n` cases (batches, where a column is measured per batch) and the ends of its
    95 % interval; nan for what is missing.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    n: int = 0


MISSING = Cell(math.nan)


@dataclass(frozen=True)
class Row:
    """A method (`against` the baseline, in a difference), the number of cases that its cells can
    stand on, the number of cases per other status of the grid, and a cell per column of the grid.
    """

    method: str
    cases: int
    cells: tuple[Cell, ...]
    against: str | None = None
    others: tuple[int, ...] = ()


@dataclass(frozen=True)
class Grid:
    """A row per method. `paired`: differences to a baseline, with a sign; `symmetric`: intervals
    are mean ± half, else [low, high]; `statuses`: which cases are counted beside those that are ok.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    paired: bool = False
    symmetric: bool = True
    statuses: tuple[str, ...] = ()
