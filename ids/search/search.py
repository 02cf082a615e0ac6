"""A search from its words to the Pareto set."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from ids.config.sources import find_sources
from ids.config.space import Space, parse_space
from ids.core.errors import ConfigError, IdsError
from ids.core.records import digest_of
from ids.core.text import counted
from ids.core.unexpected import line
from ids.launch.command import find_launcher
from ids.run.evaluate import metric_key
from ids.run.session import Session
from ids.search.candidates import Built, Candidates, run_one, without_effect
from ids.search.found import Found, best_trials, check_failures
from ids.search.held_out import HeldOut, Tested, open_held_out
from ids.search.looks import Looks, check_looks, look
from ids.search.objectives import Objectives, TrialError, find_objectives, means
from ids.search.pruning import find_dominating
from ids.search.study import SAMPLERS, RunningTrial, Study, Trial, import_optuna, open_study

NAME_DIGITS = 12  # of the digest in a study's name


@dataclass(frozen=True)
class Request:
    """What is searched: the words of `ids run` with intervals, the metrics of identity and of
    prompt fidelity, how many `trials` in total, how values are sampled, and the words of the
    held-out cases (empty for none). With `prune`, a trial that is worse in both than another on
    this many cases is given up; 0 completes every trial. `looks` are shares of the steps after
    which it is looked at as well.
    """

    words: Sequence[str]
    identity: str = "psnr_background"
    fidelity: str = "success"
    trials: int = 20
    sampler: str = "tpe"
    seed: int = 0
    test: Sequence[str] = ()
    config_dirs: Sequence[str] = ()
    prune: int = 0
    looks: Sequence[float] = ()


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
    looks: Looks
    study: Study
    first: Built
    held_out: HeldOut | None
    notes: Sequence[str]

    def run(self, show: Callable[[str], None]) -> Found:
        """Trials until there are as many as requested, by all processes together; `show` gets a
        line per trial of this one. A trial that fails has its reason, and the search goes on;
        `SearchStopped` where several in a row fail alike. With `retry_failed`, trials that have
        failed before do not count.
        """
        ended: list[Trial] = []
        total = self.request.trials
        total += len(self.found().failed) if self.first[1].retry_failed else 0
        while True:
            with self.study.next_trial(total) as trial:
                if trial is None:
                    return self.found()
                ended.append(self._try(trial))
                show(f"trial {trial.number + 1}/{total}: {self._line(ended[-1])}")
            check_failures(self.name, ended, self.found())

    def found(self) -> Found:
        """All trials so far."""
        trials = self.study.trials()
        return Found(trials, best_trials(trials, self.objectives))

    def test(self, found: Found) -> Tested | None:
        """The best trials on the held-out cases; None without such cases."""
        if self.held_out is None:
            return None
        built = [self.build(trial, self.held_out.words) for trial in found.best]
        searched = [self.space.searched(trial.values) for trial in found.best]
        return self.held_out.evaluate(built, searched, self.objectives)

    def build(self, trial: Trial | RunningTrial, held_out: Sequence[str] = ()) -> Built:
        """The setting of a trial; `held_out` replaces words that all trials share."""
        words = self.space.words(trial.values)
        return self.candidates.build([*_without(words, held_out), *held_out])

    def label(self, trial: Trial | RunningTrial) -> str:
        """`3: method.guidance_scale=4.2`, counted from 1."""
        return f"{trial.number + 1}: {' '.join(self.space.searched(trial.values))}"

    def _try(self, trial: RunningTrial) -> Trial:
        try:
            built = self.build(trial)
            if given_up := self._given_up(built, trial):
                return given_up
            searched = self.space.searched(trial.values)
            return trial.completed(means(run_one(built, searched), self.objectives))
        except TrialError as error:
            return trial.failed(str(error))
        except IdsError as error:
            return trial.failed(line(error), broke=True)

    def _given_up(self, built: Built, trial: RunningTrial) -> Trial | None:
        """Looks at some cases: is the setting worse than one of the best so far?"""
        best = self.found().best if self.request.prune else []
        if not best:
            return None
        others = []
        for one in best:
            with suppress(TrialError):  # its results were removed
                _, experiment = self.looks.some_cases(self.build(one))
                others.append((one, look(experiment, self.objectives)))
        looks = self.looks.of(built, self.space.words(trial.values))
        for each in looks:
            ours = each.run(self.space.searched(trial.values), self.objectives)
            if found := find_dominating(ours, others, self.objectives, len(looks)):
                by = f"worse in both than trial {found.by.number + 1}"
                reason = f"{by} on {counted(found.n_cases, 'case')}{each.where}"
                return trial.pruned(reason, found.values)
        return None

    def _line(self, trial: Trial) -> str:
        words = " ".join(self.space.searched(trial.values))
        if not trial.means:
            return f"{words}: {'pruned' if trial.pruned else 'failed'}: {trial.reason}"
        cells = zip(self.objectives.columns, trial.means, strict=True)
        return f"{words}: {', '.join(f'{c.title} {mean.value:.{c.digits}f}' for c, mean in cells)}"


def open_search(request: Request) -> Search:
    """Check a search before any work. `ConfigError` for words, metrics or flags that are wrong,
    `DataError` for a data set that cannot be read.
    """
    _check(request)
    sources = find_sources(request.config_dirs)
    space = parse_space(request.words, sources)
    candidates = Candidates(sources, Session())
    corners = [space.words(values) for values in space.corners()]
    built = candidates.first_built(corners)
    first = built[0]
    find_launcher([setting for setting, _ in built])
    check_looks(request.prune, request.looks, len(first[1].survey().cases))
    looks = Looks(request.prune, request.looks, candidates)
    objectives = find_objectives(first[1], request.identity, request.fidelity)
    held_out = None
    if request.test:
        words = _without(corners[0], request.test)
        held_out = open_held_out(request.test, space, words, candidates, first[1].survey())
    of_looks = list(looks.notes(list(zip(built, corners, strict=True))))
    name = f"{first[0].name}-{_digest(built, space, objectives, request)}"
    study = _open_study(name, first, request, space, objectives)
    notes = [*space.notes, *without_effect(built, space), *of_looks]
    return Search(
        name, request, space, objectives, candidates, looks, study, first, held_out, notes
    )


def _open_study(
    name: str, first: Built, request: Request, space: Space, objectives: Objectives
) -> Study:
    store = first[1].store
    file, directions = store.root / "search" / f"{name}.jsonl", objectives.directions
    return open_study(file, space, directions, request.sampler, request.seed, store.claims)


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
        **({"prune": request.prune} if request.prune else {}),
        **({"looks": list(request.looks)} if request.looks else {}),
    }
    return digest_of(content)[:NAME_DIGITS]


def _without(words: Sequence[str], others: Sequence[str]) -> list[str]:
    """The words whose keys no other word sets."""
    replaced = {word.partition("=")[0].lstrip("+~") for word in others}
    return [word for word in words if word.partition("=")[0].lstrip("+~") not in replaced]
