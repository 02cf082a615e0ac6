"""Trials that are given up after a look at some cases: another trial dominates them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ids.results.intervals import Sample
from ids.results.omissions import Reason
from ids.results.significance import ALPHA, sign_flip_p_values
from ids.results.statistics import Edits, paired
from ids.search.objectives import Objectives
from ids.search.study import Trial

Others = Sequence[tuple[Trial, Edits]]


@dataclass(frozen=True)
class Dominated:
    """The trial that is better in both objectives, and the means of the dominated one as they are
    expected over all cases: those of `by`, less its mean lead on the cases of the look.
    """

    by: Trial
    values: Sequence[float]
    n_cases: int


def least_cases(n_looks: int) -> int:
    """With fewer cases, no difference of signs has a probability of 5 % / `n_looks` or less."""
    return math.ceil(math.log2(n_looks / ALPHA))


def find_dominating(
    ours: Edits, others: Others, objectives: Objectives, n_looks: int = 1
) -> Dominated | None:
    """The first trial that is better than ours in both objectives on the same cases, each in a
    one-sided sign-flip test. Levels are divided by the number of trials and of looks: one that no
    other dominates is given up with a probability of at most 5 %. None where a number of ours is
    missing.

    Ours are identity, fidelity and, of an unfinished edit, further columns of the fidelity that it
    can reach: the other is better than each. No fidelity is above the best possible one: of a trial
    that has it in all cases, identity alone decides.
    """
    if _incomplete(ours):
        return None
    for trial, theirs in others:
        leads = _leads(ours, theirs, objectives)
        tested = leads[:1] if _is_best(trial, objectives) else leads
        if not all(len(lead) and lead.mean() > 0 for lead in tested):
            continue
        if max(sign_flip_p_values(tested)) / 2 <= ALPHA / (len(others) * n_looks):
            return Dominated(trial, _expected(trial, tested, objectives), min(map(len, tested)))
    return None


def _leads(ours: Edits, theirs: Edits, objectives: Objectives) -> list[Sample]:
    """Their leads per column of ours, positive where they are better: a number per case."""
    identity, fidelity = objectives.columns
    further = ours.values.shape[1] - 1
    columns = [0] + [1] * further
    same = Edits(theirs.cases, theirs.seeds, theirs.values[:, columns], theirs.reasons[:, columns])
    signs = [identity.better] + [fidelity.better] * further
    return [s * lead for s, lead in zip(signs, paired(same, ours).case_means(), strict=True)]


def _is_best(trial: Trial, objectives: Objectives) -> bool:
    """Has every case of a trial the best possible fidelity?"""
    return trial.means[1].value == objectives.best_fidelity


def _expected(trial: Trial, leads: Sequence[Sample], objectives: Objectives) -> list[float]:
    """The means of a trial, less its leads: in fidelity the smallest, or none."""
    identity, *fidelity = (float(lead.mean()) for lead in leads)
    pairs = zip(trial.means, objectives.columns, (identity, min(fidelity, default=0)), strict=True)
    return [mean.value - column.better * lead for mean, column, lead in pairs]


def _incomplete(edits: Edits) -> bool:
    """Does an edit lack a number, or have an infinite one?"""
    return bool(((edits.reasons == Reason.NOT_COMPUTED) | (edits.reasons == Reason.INFINITE)).any())
