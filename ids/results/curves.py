"""Metrics as curves: arrays of a value per case and point, seeds averaged. The points are steps of
an edit, or settings along a knob (`ids.results.knobs`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from ids.results.labels import in_order


@dataclass(frozen=True, eq=False)
class Curves:
    """One curve: `values` per metric. `steps` are those kept, from 0 (the untouched source), or the
    numbers of the settings, from 1. One that is not `moving` (null and true edit) has one value per
    case. Compared and hashed by identity.
    """

    steps: Float[ndarray, " steps"]
    values: dict[str, Float[ndarray, "cases steps"]]
    moving: bool

    @property
    def n_cases(self) -> int:
        return len(next(iter(self.values.values())))

    @property
    def from_source(self) -> bool:
        """Is its first point the untouched source, where many metrics are undefined?"""
        return self.moving and len(self.steps) > 0 and bool(self.steps[0] == 0)

    def defined(self, *columns: str) -> Bool[ndarray, " cases"]:
        """The cases in which these columns are finite after step 0 (the untouched source). Where
        there are no steps, the last column alone decides.
        """
        first = 1 if self.from_source else 0
        needed = columns if self.moving else columns[-1:]
        known = [np.isfinite(self.values[c][:, first:]).all(1) for c in needed]
        return np.asarray(np.logical_and.reduce(known))


@dataclass(frozen=True, eq=False)
class States:
    """The kept states of one setting, a line each: the number of its case, of its edit (a case and
    a seed), its step, and a value per column. All settings of a frame share the numbering. Do its
    edits use a seed (`seeded`)?
    """

    cases: Int[ndarray, " states"]
    edits: Int[ndarray, " states"]
    steps: Float[ndarray, " states"]
    values: Float[ndarray, "states columns"]
    columns: tuple[str, ...]
    seeded: bool = True

    @property
    def moving(self) -> bool:
        """Does the setting take steps?"""
        return len(np.unique(self.steps)) > 1

    def among(self, known: Bool[ndarray, " states"]) -> "States":
        """These states alone."""
        if known.all():
            return self
        lines = (self.cases[known], self.edits[known], self.steps[known], self.values[known])
        return States(*lines, self.columns, self.seeded)

    def curves(self) -> Curves:
        """At the steps that all edits kept."""
        steps, step = np.unique(self.steps, return_inverse=True)
        cases, case = np.unique(self.cases, return_inverse=True)
        kept = np.bincount(step) == len(np.unique(self.edits))
        place = (case * kept.sum() + (np.cumsum(kept) - 1)[step])[kept[step]]
        shape = (len(cases), int(kept.sum()))
        curves = {
            column: _means(place, values[kept[step]], shape)
            for column, values in zip(self.columns, self.values.T, strict=True)
        }
        return Curves(steps[kept], curves, self.moving)


def _means(
    place: Int[ndarray, " lines"], values: Float[ndarray, " lines"], shape: tuple[int, int]
) -> Float[ndarray, "cases steps"]:
    """The mean of the finite values at each place; nan where there are none."""
    known, size = np.isfinite(values), shape[0] * shape[1]
    total = np.bincount(place[known], values[known], minlength=size)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / np.bincount(place[known], minlength=size)).reshape(shape)


def setting_states(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, States]:
    """The states of a `curve_frame` per label, in order."""
    labels, names = pd.factorize(frame["label"])
    cases, _ = pd.factorize(frame["case"], sort=True)
    seeds, known = pd.factorize(frame["seed"], sort=True)
    edits, steps = cases * len(known) + seeds, frame["step"].to_numpy(float)
    values = frame[list(columns)].to_numpy(float)
    order = np.lexsort((steps, edits))  # sums do not depend on the order of the records
    labels, codes, found = labels[order], {name: code for code, name in enumerate(names)}, {}
    for label in in_order(codes):
        lines = order[labels == codes[label]]
        arrays = (cases[lines], edits[lines], steps[lines], values[lines])
        seeded = bool(known[seeds[lines]].min() >= 0)
        found[label] = States(*arrays, tuple(columns), seeded)
    return found


def paired(*sides: States) -> list[States]:
    """Each, at the common cases and seeds; one that uses no seed, at the common cases."""
    seeded = [side.edits for side in sides if side.seeded]
    edits = reduce(np.intersect1d, seeded) if seeded else np.empty(0, int)
    same = [side.among(np.isin(side.edits, edits)) if side.seeded else side for side in sides]
    cases = reduce(np.intersect1d, [side.cases for side in same])
    return [side.among(np.isin(side.cases, cases)) for side in same]
