"""The trials of a search that have ended, and the best of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ids.core.errors import IdsError
from ids.core.unexpected import cause
from ids.results.pareto import undominated
from ids.search.objectives import Objectives
from ids.search.study import Trial

ALIKE = 3  # trials in a row with the same failure end a search


class SearchStopped(IdsError):
    """The trials of a search fail alike: more of them would, too."""


@dataclass(frozen=True)
class Found:
    """The trials of a search that have ended, and the best of them: those that no other trial
    equals or exceeds in both objectives.
    """

    trials: Sequence[Trial]
    best: Sequence[Trial]

    @property
    def completed(self) -> list[Trial]:
        """Trials with means."""
        return [trial for trial in self.trials if trial.means]

    @property
    def pruned(self) -> list[Trial]:
        """Trials that were given up."""
        return [trial for trial in self.trials if trial.pruned]

    @property
    def failed(self) -> list[Trial]:
        """Trials without means that were not given up."""
        return [trial for trial in self.trials if not trial.means and not trial.pruned]


def best_trials(trials: Sequence[Trial], objectives: Objectives) -> list[Trial]:
    """The Pareto set, by fidelity, weakest first; of trials with the same values the first."""
    distinct = {tuple(sorted(t.values.items())): t for t in reversed(trials) if t.means}
    completed = sorted(distinct.values(), key=lambda trial: trial.number)
    if not completed:
        return []
    signs = np.array([column.better for column in objectives.columns])
    points = signs * np.array([[mean.value for mean in trial.means] for trial in completed])
    member = undominated(points[None, :, 0], points[None, :, 1])[0]
    best = [trial for trial, belongs in zip(completed, member, strict=True) if belongs]
    return sorted(best, key=lambda trial: signs[1] * trial.means[1].value)


def check_failures(name: str, ended: Sequence[Trial], found: Found) -> None:
    """`SearchStopped` where the last trials of this process failed alike, and their values are not
    the cause: the setting broke off, or no trial has completed.
    """
    last = list(ended)[-ALIKE:]
    causes = {cause(trial.reason) for trial in last}
    alike = len(last) == ALIKE and len(causes) == 1 and not any(t.means or t.pruned for t in last)
    if alike and (last[-1].broke or not found.completed):
        raise SearchStopped(
            f"{name}: expected trials with means; got {ALIKE} in a row with the same failure: "
            f"{last[-1].reason}; mend its cause, then give the same command with retry_failed=true"
        )
