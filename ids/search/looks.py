"""Looks at a trial before all of its edits are made: some cases, after some of the steps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ids.core.errors import ConfigError
from ids.core.text import counted
from ids.results.statistics import Edits
from ids.run.experiment import Experiment
from ids.search.candidates import Built, Candidates, run_all, run_one
from ids.search.objectives import Objectives, edits_of
from ids.search.pruning import least_cases

STEPS = "method.n_steps"
FIRST = 1  # step


class Short(NamedTuple):
    """A setting with this many steps: an edit of k steps is the state after k of a longer one."""

    step: int
    built: Built


@dataclass(frozen=True)
class Look:
    """A setting on some of its cases: its finished edits, or the state `now` of them and one
    `before`.
    """

    finished: Built
    now: Short | None = None
    before: Short | None = None

    @property
    def where(self) -> str:
        """`, after 16 of 64 steps`; empty for finished edits."""
        return f", after {self.now.step} of {self._total} steps" if self.now else ""

    def run(self, searched: Sequence[str], objectives: Objectives) -> Edits:
        """Edit what the store lacks: identity and fidelity, of unfinished edits also the fidelity
        that they reach if it rises on as it has since the state before. `TrialError` where an edit
        failed. Raises the error that broke the setting off.
        """
        if not (self.before and self.now):
            return look(run_one(self.finished, searched), objectives)
        states = self.before, self.now
        labels = [[*_without_steps(searched), _word(state.step)] for state in states]
        if errors := run_all([state.built for state in states], labels):
            raise errors[0]
        before, now = (look(state.built[1], objectives) for state in states)
        left, since = self._total - self.now.step, self.now.step - self.before.step
        return _extended(before, now, left / since)

    @property
    def _total(self) -> int:
        return self.finished[1].method.editor.n_ticks


@dataclass(frozen=True)
class Looks:
    """Every trial is looked at on `n_cases` random ones of its cases, the same for all: after these
    `fractions` of its steps, and with finished edits.
    """

    n_cases: int
    fractions: Sequence[float]
    candidates: Candidates

    def some_cases(self, built: Built) -> Built:
        """The same setting on the cases of the looks."""
        composed, experiment = built
        selection = replace(experiment.selection, drawn=self.n_cases)
        return composed, replace(experiment, selection=selection)

    def of(self, built: Built, words: Sequence[str]) -> list[Look]:
        """The looks at a setting, in order; the last is at finished edits."""
        steps, finished = self.steps(built[1]), self.some_cases(built)
        states = [Short(k, self._shorter(built, words, k)) for k in (FIRST, *steps) if steps]
        return [*(Look(finished, now, before) for before, now in pairwise(states)), Look(finished)]

    def steps(self, experiment: Experiment) -> list[int]:
        """The steps of the looks at unfinished edits; none where they are no results."""
        editor = experiment.method.editor
        total = editor.n_ticks
        if not editor.anytime or experiment.method.method.get("n_steps") != total:
            return []
        steps = dict.fromkeys(round(fraction * total) for fraction in self.fractions)
        return [k for k in steps if FIRST < k < total]

    def notes(self, candidates: Sequence[tuple[Built, Sequence[str]]]) -> Iterator[str]:
        """A note per method whose unfinished edits are not looked at. `ConfigError` where that is
        every one, or where another value follows the number of steps.
        """
        if not self.fractions:
            return
        looked_at = {b[1].method.name for b, words in candidates if len(self.of(b, words)) > 1}
        reasons = {built[1].method.name: _reason(built[1]) for built, _ in candidates}
        left_out = {name: reason for name, reason in reasons.items() if name not in looked_at}
        if not looked_at:
            name, reason = next(iter(left_out.items()))
            raise ConfigError(
                f"--looks: expected edits that can be stopped early; got method={name}, where "
                f"{reason}; leave --looks out"
            )
        for name, reason in left_out.items():
            yield f"--looks: method={name} is pruned by finished edits alone: {reason}"

    def _shorter(self, built: Built, words: Sequence[str], n_steps: int) -> Built:
        """The setting with fewer steps, on the cases of the looks. `ConfigError` where it differs
        in more than that.
        """
        shorter = self.candidates.build([*_without_steps(words), _word(n_steps)])
        one, two = (each[1].method.method for each in (built, shorter))
        if differ := [key for key in one if key != "n_steps" and one[key] != two.get(key)]:
            raise ConfigError(
                f"--looks: expected {STEPS} to change no other value; method.{differ[0]} follows "
                "it; give it a number"
            )
        return self.some_cases(shorter)


def look(experiment: Experiment, objectives: Objectives) -> Edits:
    """Both objectives of the finished edits of a setting. `TrialError` where one failed."""
    return edits_of(experiment, experiment.jobs(experiment.method), objectives)


def check_looks(n_cases: int, fractions: Sequence[float], n_all: int) -> None:
    """`ConfigError` for flags that are wrong."""
    rising = all(a < b for a, b in zip([0, *fractions], [*fractions, 1], strict=True))
    if fractions and not (n_cases and rising):
        got = ",".join(f"{fraction:g}" for fraction in fractions)
        raise ConfigError(
            f"--looks: expected shares of the steps between 0 and 1, in order, and --prune; got "
            f"{got} and --prune {n_cases}; write --prune 8 --looks 0.25,0.5"
        )
    least = least_cases(len(fractions) + 1)
    if n_cases and not least <= n_cases < n_all:
        looks = f" for {counted(len(fractions) + 1, 'look')}" if fractions else ""
        raise ConfigError(
            f"--prune: expected {least} cases or more{looks}, and fewer than all {n_all}; got "
            f"{n_cases}; change it, or leave it out"
        )


def _extended(before: Edits, now: Edits, ratio: float) -> Edits:
    """The edits now, and in a third column the fidelity that they reach in `ratio` times the steps
    since before, at the same rate. Both are the same jobs in the same order.
    """
    with np.errstate(invalid="ignore"):  # inf - inf
        reached = now.values[:, 1] + ratio * (now.values[:, 1] - before.values[:, 1])
    reasons = np.maximum(now.reasons[:, 1], before.reasons[:, 1])
    values = np.column_stack([now.values, reached])
    return Edits(now.cases, now.seeds, values, np.column_stack([now.reasons, reasons]))


def _reason(experiment: Experiment) -> str:
    if experiment.method.editor.anytime:
        return (
            f"no look is between the first and the last of {experiment.method.editor.n_ticks} steps"
        )
    return "an unfinished edit is no result"


def _word(n_steps: int) -> str:
    return f"{STEPS}={n_steps}"


def _without_steps(words: Sequence[str]) -> list[str]:
    return [word for word in words if word.partition("=")[0].lstrip("+") != STEPS]
