"""Paired differences of every setting to the baseline, with their tests."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ids.results.columns import Column
from ids.results.grids import Estimate, Grid, PairedTest, Report, Row
from ids.results.intervals import IntervalKind, Sample
from ids.results.labels import baseline_of, in_order
from ids.results.power import cases_needed, detectable_effect
from ids.results.significance import ALPHA, effect_size, holm, sign_flip_p_values
from ids.results.statistics import Edits, mean_cells, paired, unpaired

TESTS_NOTE = (
    "d_z: mean / standard deviation of the differences. detectable: the smallest difference that "
    "this number of cases shows with 80 % power (two-sided paired t test at 5 %)."
)
TESTS = (
    Column("d_z", "d_z", 2, derived=True),
    Column("p", "p", 4, derived=True),
    Column("p_corrected", "p corrected", 4, derived=True),
)


def differences(
    settings: pd.DataFrame,
    edits: Mapping[str, Edits],
    columns: Sequence[Column],
    baseline: str,
    kind: IntervalKind,
) -> tuple[Grid, ...]:
    """One grid: of every setting to the nearest setting of the baseline, case by case. p-values are
    corrected for all cells of the grid. No grid without pairs of settings.
    """
    compared = [
        (label, base)
        for label in in_order(settings["label"])
        if (base := baseline_of(label, settings, baseline)) not in (None, label)
    ]
    if not compared or not columns:
        return ()
    pairs = [paired(edits[label], edits[str(base)]) for label, base in compared]
    cells = _tested(mean_cells(pairs, kind), pairs)
    rows = tuple(
        Row(
            label,
            each.n_cases,
            of_row,
            against=base,
            others=(unpaired(edits[label], edits[str(base)], each),),
        )
        for (label, base), each, of_row in zip(compared, pairs, cells, strict=True)
    )
    ends = kind == "bootstrap"  # lopsided: half its width would not show whether it contains 0
    return (
        Grid(
            "paired differences",
            tuple(columns),
            rows,
            paired=True,
            statuses=("unpaired",),
            symmetric=not ends,
            interval=kind,
        ),
    )


def corrected_together(grids: Sequence[Grid]) -> list[Grid]:
    """With p-values corrected for the differences of all grids, in place of those of each."""
    tests = [cell.test for grid in grids for row in grid.rows for cell in row.cells if cell.test]
    corrected = iter(holm([test.p for test in tests]))

    def of(cell: Estimate) -> Estimate:
        test = cell.test and replace(cell.test, p_corrected=next(corrected))
        return replace(cell, test=test)

    def of_row(row: Row) -> Row:
        return replace(row, cells=tuple(map(of, row.cells)))

    return [replace(grid, rows=tuple(map(of_row, grid.rows))) for grid in grids]


def tests_note(grids: Sequence[Grid]) -> tuple[str, ...]:
    """One note that explains the marks of these differences; none without differences."""
    tests = [c.test for grid in grids for row in grid.rows for c in row.cells if c.test]
    compared = sum(not math.isnan(test.p) for test in tests)
    if not compared:
        return ()
    correction = f"corrected for the {compared} differences of this table (Holm)"
    of_these = f", {correction}" if compared > 1 else ""
    return (f"* marks differences with p < {ALPHA} in a paired sign-flip test{of_these}.",)


def with_tests(report: Report, difference: float | None) -> Report:
    """With a grid per column in place of the paired differences: a row per comparison, with the
    difference, d_z, p, p corrected, the difference that its cases detect and, with a `difference`,
    the cases that one of this size needs.
    """
    grids: list[Grid] = []
    for grid in report.grids:
        tests = (_test_grid(grid, index, difference) for index in range(len(grid.columns)))
        grids += tests if grid.paired else [grid]
    notes = (*report.notes, TESTS_NOTE)
    return replace(report, title=f"{report.title}, tests", grids=tuple(grids), notes=notes)


def _test_grid(grid: Grid, index: int, difference: float | None) -> Grid:
    metric = grid.columns[index]
    needed = Column("needed", f"cases for {difference or 0:g}", 0, derived=True)
    detectable = Column("detectable", "detectable", metric.digits, derived=True)
    further = (*([needed] if difference else []), *TESTS, detectable)
    columns = (replace(metric, title="difference"), *further)
    rows = tuple(
        replace(row, cases=cell.n, cells=tuple(_test_cells(cell, difference)))
        for row, cell in ((row, row.cells[index]) for row in grid.rows)
    )
    title = f"{grid.title}, {metric.title}" + (f" in {metric.unit}" if metric.unit else "")
    return replace(grid, title=title, columns=columns, rows=rows, symmetric=False)


def _test_cells(cell: Estimate, difference: float | None) -> Iterator[Estimate]:
    test = cell.test or PairedTest(*[math.nan] * 5)
    yield cell
    if difference:
        yield Estimate(cases_needed(difference / test.spread) if test.spread else math.nan)
    yield from map(Estimate, (test.d_z, test.p, test.p_corrected, test.detectable))


def _tested(
    cells: Sequence[Sequence[Estimate]], pairs: Sequence[Edits]
) -> list[tuple[Estimate, ...]]:
    """With their tests; p-values corrected for all of them."""
    samples = [sample for each in pairs for sample in each.case_means()]
    p_values = sign_flip_p_values(samples)
    detectable = {n: detectable_effect(n) for n in set(map(len, samples))}
    lines = zip(samples, p_values, holm(p_values), strict=True)
    tests = iter(_test(*line, detectable[len(line[0])]) for line in lines)
    return [tuple(replace(cell, test=next(tests)) for cell in row) for row in cells]


def _test(sample: Sample, p: float, corrected: float, detectable: float) -> PairedTest:
    """`detectable` is an effect: a difference in units of its standard deviation."""
    n, d_z = len(sample), effect_size(sample)
    constant = 0.0 if n > 1 else math.nan  # rounding errors are no spread
    spread = constant if math.isnan(d_z) else float(np.std(sample, ddof=1))
    return PairedTest(spread, d_z, p, corrected, detectable * spread)
