"""Means over cases. Seeds are averaged first, and methods are compared case by case."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy import ndarray

from ids.results.columns import Column
from ids.results.grids import Estimate, LeftOut
from ids.results.intervals import IntervalKind, Sample, estimates
from ids.results.omissions import Reason, reasons_of


@dataclass(frozen=True, eq=False)
class Edits:
    """Finished edits of one setting, or pairs of edits of two, a line each: the number of its case
    (or batch), its seed (-1 for none), and per column a value and the `Reason` why it is not
    finite. All settings of a frame share the numbering.
    """

    cases: Int[ndarray, " edits"]
    seeds: Int[ndarray, " edits"]
    values: Float[ndarray, "edits columns"]
    reasons: Int[ndarray, "edits columns"]

    def case_means(self) -> list[Sample]:
        """Per column, the means over the seeds of each case that has a finite number; cases in the
        order of their numbers.
        """
        cases, case = np.unique(self.cases, return_inverse=True)
        found = []
        for values, reasons in zip(self.values.T, self.reasons.T, strict=True):
            known = reasons == Reason.FINITE
            counts = np.bincount(case[known], minlength=len(cases))
            totals = np.bincount(case[known], values[known], minlength=len(cases))
            found.append(totals[counts > 0] / counts[counts > 0])
        return found

    def left_out(self) -> list[LeftOut]:
        """Per column."""
        return [
            LeftOut(
                undefined=self._cases_with(reasons == Reason.UNDEFINED),
                infinite=self._cases_with(reasons == Reason.INFINITE),
                not_computed=self._cases_with(reasons == Reason.NOT_COMPUTED),
            )
            for reasons in self.reasons.T
        ]

    @property
    def n_cases(self) -> int:
        """The number of cases with an edit."""
        return len(np.unique(self.cases))

    def _cases_with(self, found: ndarray) -> int:
        return len(np.unique(self.cases[found])) if found.any() else 0


def setting_edits(
    frame: pd.DataFrame, columns: Sequence[Column], unit: str = "case"
) -> dict[str, Edits]:
    """The edits of each label of a frame. `unit`: the column that numbers the cases (or batches);
    lines without are left out.
    """
    frame = frame[frame[unit].notna()]
    cases, _ = pd.factorize(frame[unit], sort=True)
    seeds = frame["seed"].to_numpy(int)
    values = frame[[column.key for column in columns]].to_numpy(float)
    reasons = reasons_of(frame, columns)
    labels, names = pd.factorize(frame["label"])
    of_label = ((name, labels == code) for code, name in enumerate(names))
    return {
        name: Edits(cases[lines], seeds[lines], values[lines], reasons[lines])
        for name, lines in of_label
    }


def paired(ours: Edits, theirs: Edits) -> Edits:
    """Ours minus theirs, a line per pair of edits of the same case and seed; per pair of the same
    case, where one of the two uses no seed.
    """
    seeded = (ours.seeds >= 0).all() and (theirs.seeds >= 0).all()
    keys = ["case", "seed"] if seeded else ["case"]
    sides = [
        pd.DataFrame({"case": side.cases, "seed": side.seeds})[keys].assign(
            **{name: np.arange(len(side.cases))}
        )
        for side, name in ((ours, "ours"), (theirs, "theirs"))
    ]
    pairs = sides[0].merge(sides[1], on=keys)
    mine, other = pairs["ours"].to_numpy(int), pairs["theirs"].to_numpy(int)
    with np.errstate(invalid="ignore"):  # inf - inf
        values = ours.values[mine] - theirs.values[other]
    reasons = np.maximum(ours.reasons[mine], theirs.reasons[other])
    return Edits(ours.cases[mine], ours.seeds[mine], values, reasons)


def unpaired(ours: Edits, theirs: Edits, pairs: Edits) -> int:
    """The number of cases with a finished edit on one side that are in no pair."""
    return len(np.setdiff1d(np.union1d(ours.cases, theirs.cases), pairs.cases))


def mean_cells(edits: Sequence[Edits], kind: IntervalKind) -> list[list[Estimate]]:
    """Per setting and column, the mean over cases with its interval, and what is left out."""
    samples = [sample for each in edits for sample in each.case_means()]
    left_out = [counts for each in edits for counts in each.left_out()]
    cells = iter(
        replace(cell, left_out=counts)
        for cell, counts in zip(estimates(samples, kind), left_out, strict=True)
    )
    return [[next(cells) for _ in each.values.T] for each in edits]
