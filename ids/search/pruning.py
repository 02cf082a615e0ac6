"""Trials that are given up after a first look at some cases: another trial dominates them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ids.results.omissions import Reason
from ids.results.significance import ALPHA, sign_flip_p_values
from ids.results.statistics import Edits, paired
from ids.run.experiment import Experiment
from ids.search.candidates import Built
from ids.search.objectives import Objectives, edits_of
from ids.search.study import Trial

LEAST = 5  # cases: with fewer, no difference of signs has a probability of 5 % or less


@dataclass(frozen=True)
class Dominated:
    """The trial that is better in both objectives, and the means of the dominated one as they are
    expected over all cases: those of `by`, less its mean lead on the cases of the look.
    """

    by: Trial
    values: Sequence[float]
    n_cases: int


def first_look(built: Built, n_cases: int) -> Built:
    """The same setting on this many of its cases, drawn at random, the same for every trial."""
    composed, experiment = built
    selection = replace(experiment.selection, drawn=n_cases)
    return composed, replace(experiment, selection=selection)


def look(experiment: Experiment, objectives: Objectives) -> Edits:
    """Both objectives of the finished edits of a setting. `TrialError` where one failed."""
    return edits_of(experiment, experiment.jobs(experiment.method), objectives)


def find_dominating(
    ours: Edits, others: Sequence[tuple[Trial, Edits]], objectives: Objectives
) -> Dominated | None:
    """The first trial that is better than ours in both objectives on the same cases, each in a
    one-sided sign-flip test. Levels are divided by the number of trials: one that no other
    dominates is given up with a probability of at most 5 %. None where a number of ours is missing.
    """
    if _incomplete(ours):
        return None
    for trial, theirs in others:
        leads = paired(theirs, ours).case_means()
        signed = [c.better * lead for c, lead in zip(objectives.columns, leads, strict=True)]
        if not all(len(lead) and lead.mean() > 0 for lead in signed):
            continue
        if max(sign_flip_p_values(signed)) / 2 <= ALPHA / len(others):
            pairs = zip(trial.means, leads, strict=True)
            values = [mean.value - float(lead.mean()) for mean, lead in pairs]
            return Dominated(trial, values, min(map(len, leads)))
    return None


def _incomplete(edits: Edits) -> bool:
    """Does an edit lack a number, or have an infinite one?"""
    return bool(((edits.reasons == Reason.NOT_COMPUTED) | (edits.reasons == Reason.INFINITE)).any())
