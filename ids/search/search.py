"""A search from its words to the Pareto set."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ids.config.sources import find_sources
from ids.config.space import Space, parse_space
from ids.core.errors import ConfigError, IdsError
from ids.core.records import digest_of
from ids.core.unexpected import line
from ids.results.pareto import undominated
from ids.run.evaluate import metric_key
from ids.run.session import Session
from ids.search.candidates import Built, Candidates, evaluate, without_effect
from ids.search.held_out import HeldOut, open_held_out
from ids.search.objectives import Objectives, TrialError, find_objectives
from ids.search.study import SAMPLERS, RunningTrial, Study, Trial, import_optuna, open_study

NAME_DIGITS = 12  # of the digest in a study's name


@dataclass(frozen=True)
class Request:
    """What is searched: the words of `ids run` with intervals, the metrics of identity and of
    prompt fidelity, how many `trials` in total, how values are sampled, and the words of the
    held-out cases (empty for none).
    """

    words: Sequence[str]
    identity: str = "psnr_background"
    fidelity: str = "success"
    trials: int = 20
    sampler: str = "tpe"
    seed: int = 0
    test: Sequence[str] = ()
    config_dirs: Sequence[str] = ()


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
    def failed(self) -> list[Trial]:
        """Trials without."""
        return [trial for trial in self.trials if not trial.means]


@dataclass(frozen=True)
class Search:
    """A search that has been checked. `first` is one candidate of it, `held_out` the cases of its
    report, where there are some; `notes` are about words that were replaced or change nothing.
    """

    name: str
    request: Request
    space: Space
    objectives: Objectives
    candidates: Candidates
    study: Study
    first: Built
    held_out: HeldOut | None
    notes: Sequence[str]

    def run(self, show: Callable[[str], None]) -> Found:
        """Trials until there are as many as requested, by all processes together; `show` gets a
        line per trial of this one. A trial that fails has its reason, and the search goes on.
        """
        again = self.first[1].retry_failed
        while True:
            with self.study.next_trial(self.request.trials, again) as trial:
                if trial is None:
                    return self.found()
                show(f"trial {trial.number + 1}/{self.request.trials}: {self._try(trial)}")

    def found(self) -> Found:
        """All trials so far."""
        trials = self.study.trials()
        return Found(trials, best_trials(trials, self.objectives))

    def build(self, trial: Trial | RunningTrial, held_out: Sequence[str] = ()) -> Built:
        """The setting of a trial; `held_out` replaces words that all trials share."""
        words = self.space.words(trial.values)
        return self.candidates.build([*_without(words, held_out), *held_out])

    def label(self, trial: Trial | RunningTrial) -> str:
        """`3: method.guidance_scale=4.2`, counted from 1."""
        return f"{trial.number + 1}: {' '.join(self.space.searched(trial.values))}"

    def _try(self, trial: RunningTrial) -> str:
        words = " ".join(self.space.searched(trial.values))
        try:
            means = evaluate(self.build(trial), self.objectives)
        except (TrialError, IdsError) as error:
            reason = line(error) if isinstance(error, IdsError) else str(error)
            trial.failed(reason)
            return f"{words}: failed: {reason}"
        trial.completed(means)
        cells = zip(self.objectives.columns, means, strict=True)
        values = ", ".join(f"{c.title} {mean.value:.{c.digits}f}" for c, mean in cells)
        return f"{words}: {values}"


def open_search(request: Request) -> Search:
    """Check a search before any work. `ConfigError` for words, metrics or flags that are wrong,
    `DataError` for a data set that cannot be read.
    """
    _check(request)
    sources = find_sources(request.config_dirs)
    space = parse_space(request.words, sources)
    candidates = Candidates(sources, Session())
    built = candidates.first_built([space.words(values) for values in space.corners()])
    first = built[0]
    objectives = find_objectives(first[1], request.identity, request.fidelity)
    held_out = None
    if request.test:
        words = _without(space.words(space.corners()[0]), request.test)
        held_out = open_held_out(request.test, space, words, candidates, first[1].survey())
    name = f"{first[0].name}-{_digest(built, space, objectives, request)}"
    study = _open_study(name, first, request, space, objectives)
    notes = [*space.notes, *without_effect(built, space)]
    return Search(name, request, space, objectives, candidates, study, first, held_out, notes)


def _open_study(
    name: str, first: Built, request: Request, space: Space, objectives: Objectives
) -> Study:
    store = first[1].store
    file, directions = store.root / "search" / f"{name}.jsonl", objectives.directions
    return open_study(file, space, directions, request.sampler, request.seed, store.claims)


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


def _check(request: Request) -> None:
    import_optuna()
    if request.trials < 1:
        raise ConfigError(f"--trials: expected 1 or more; got {request.trials}; change it")
    if request.sampler not in SAMPLERS:
        raise ConfigError(
            f"--sampler: expected {' or '.join(SAMPLERS)}; got {request.sampler[:60]}; change it"
        )
    if request.seed < 0:
        raise ConfigError(f"--seed: expected 0 or more; got {request.seed}; change it")


def _digest(built: Sequence[Built], space: Space, objectives: Objectives, request: Request) -> str:
    """Of all that decides the trials. Where edits run, and words about it, do not."""
    _, first = built[0]
    names = [column.key for column in objectives.columns]
    keys = {metric.name: metric_key(metric) for metric in first.metrics.values()}
    content = {
        "settings": [experiment.setting(experiment.method).key for _, experiment in built],
        "axes": [[type(axis).__name__, asdict(axis)] for axis in space.axes],
        "objectives": [keys[name] for name in names],
        "cases": [case.digest for case in first.survey().cases],
        "seeds": list(first.seeds),
        "sampler": [request.sampler, request.seed],
    }
    return digest_of(content)[:NAME_DIGITS]


def _without(words: Sequence[str], others: Sequence[str]) -> list[str]:
    """The words whose keys no other word sets."""
    replaced = {word.partition("=")[0].lstrip("+~") for word in others}
    return [word for word in words if word.partition("=")[0].lstrip("+~") not in replaced]
