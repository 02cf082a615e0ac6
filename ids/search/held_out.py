"""The held-out cases: the best trials, evaluated on cases that no trial has seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from ids.config.space import Space
from ids.core.errors import ConfigError
from ids.core.text import counted
from ids.core.unexpected import line
from ids.results.grids import MISSING, Estimate
from ids.run.manifest import Survey
from ids.search.candidates import Built, Candidates, run_all
from ids.search.objectives import Objectives, TrialError, means


@dataclass(frozen=True)
class Tested:
    """Settings on the held-out cases: the means of both objectives of each, missing where it
    failed, and the reasons.
    """

    built: Sequence[Built]
    means: Sequence[Sequence[Estimate]]
    problems: Sequence[str]


@dataclass(frozen=True)
class HeldOut:
    """The words that choose the held-out cases, and the title of their data set."""

    words: Sequence[str]
    title: str

    def evaluate(
        self, built: Sequence[Built], searched: Sequence[Sequence[str]], objectives: Objectives
    ) -> Tested:
        """Edit what the store lacks of settings, as one sweep; each has its searched words."""
        problems = [line(error) for error in run_all(built, searched)]
        found = []
        for _, experiment in built:
            try:
                found.append(means(experiment, objectives))
            except TrialError as error:
                problems.append(str(error))
                found.append([MISSING, MISSING])
        return Tested(built, found, list(dict.fromkeys(problems)))


def open_held_out(
    words: Sequence[str],
    space: Space,
    candidate: Sequence[str],
    candidates: Candidates,
    searched: Survey,
) -> HeldOut:
    """Check the words with those of a candidate. `ConfigError` where they set what is searched, or
    choose cases of the search.
    """
    keys = {axis.key for axis in space.axes}
    for word in words:
        if word.partition("=")[0] in keys:
            raise ConfigError(f"--test {word}: expected no key that is searched; leave it out")
    _, experiment = candidates.build([*candidate, *words])
    held_out = experiment.survey()
    seen = {case.digest for case in searched.cases}
    if common := sum(case.digest in seen for case in held_out.cases):
        raise ConfigError(
            f"--test: expected held-out cases; got {counted(common, 'case')} of the search; choose "
            "others, such as dataset.split=test"
        )
    return HeldOut(words, held_out.manifest.name)
