"""The trials of a search: a journal file in the store, shared by any number of processes.

search/<name>.jsonl        what Optuna journals: JSON lines, nothing pickled
claims/<name>-<n>.lock     held while a process runs trial n; the kernel frees it with the process
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from ids.config.space import Axis, Choice, Interval, Range, Space, Value
from ids.core.claims import POLL, Claims
from ids.core.errors import ConfigError, DataError
from ids.results.grids import Estimate

SAMPLERS = ("tpe", "nsga2")


@dataclass(frozen=True)
class Trial:
    """A finished trial: its number, the values of its axes, and the means of both objectives, or
    the reason why it has none: it failed, or was `pruned`. `broke`: an error ended the setting.
    """

    number: int
    values: Mapping[str, Value]
    means: Sequence[Estimate] = ()
    reason: str = ""
    pruned: bool = False
    broke: bool = False


@dataclass(frozen=True)
class RunningTrial:
    """A trial of this process."""

    trial: Any  # optuna's
    values: Mapping[str, Value]

    @property
    def number(self) -> int:
        """From 0, over all processes."""
        return int(self.trial.number)

    def completed(self, means: Sequence[Estimate]) -> Trial:
        """Record the means of both objectives."""
        self.trial.set_user_attr("means", [[m.value, m.low, m.high, m.n] for m in means])
        self.trial.study.tell(self.trial, [mean.value for mean in means])
        return Trial(self.number, self.values, means)

    def failed(self, reason: str, broke: bool = False) -> Trial:
        """Record why it has no means."""
        from optuna.trial import TrialState

        self.trial.set_user_attr("reason", reason)
        self.trial.study.tell(self.trial, state=TrialState.FAIL)
        return Trial(self.number, self.values, reason=reason, broke=broke)

    def pruned(self, reason: str, expected: Sequence[float]) -> Trial:
        """Record why it was given up. The sampler learns from its `expected` means: Optuna has no
        pruned trials with two objectives.
        """
        self.trial.set_user_attr("pruned", reason)
        self.trial.study.tell(self.trial, list(expected))
        return Trial(self.number, self.values, reason=reason, pruned=True)


@dataclass(frozen=True)
class Study:
    """All trials of a search. A trial whose process died is run again, by the next process that
    looks for one. Each trial has a sampler seeded by its number, so that an interrupted search
    continues as it would have.
    """

    file: Path
    study: Any  # optuna's
    space: Space
    sampler: str
    seed: int
    claims: Claims

    @contextmanager
    def next_trial(self, total: int) -> Iterator[RunningTrial | None]:
        """A trial, claimed until the context ends; None once `total` trials have ended, those of
        other processes included.
        """
        with ExitStack() as held:
            trial = None
            while trial is None:
                with self.claims.wait(self.study.study_name):
                    trial = self._abandoned(held) or self._new(total, held)
                    if trial is not None or not self._running():
                        break
                time.sleep(POLL)
            if trial is None:
                yield None
                return
            values = {axis.key: _suggest(trial, axis) for axis in self.space.axes}
            yield RunningTrial(trial, values)

    def trials(self) -> list[Trial]:
        """Every trial that has ended, by number."""
        from optuna.trial import TrialState

        ended = (TrialState.COMPLETE, TrialState.FAIL)
        return [_ended(one) for one in self.study.get_trials(deepcopy=False, states=ended)]

    def _running(self) -> list[Any]:
        from optuna.trial import TrialState

        found: list[Any] = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return found

    def _abandoned(self, held: ExitStack) -> Any:
        """A trial whose process has died."""
        from optuna.trial import Trial as OptunaTrial

        for trial in self._running():
            if held.enter_context(self.claims.held(self._claim(trial.number))):
                self._reseed(trial.number)
                return OptunaTrial(self.study, trial._trial_id)
        return None

    def _new(self, total: int, held: ExitStack) -> Any:
        trials = self.study.get_trials(deepcopy=False)
        if len(trials) >= total:
            return None
        self._reseed(len(trials))
        trial = self.study.ask()
        held.enter_context(self.claims.held(self._claim(trial.number)))
        return trial

    def _claim(self, number: int) -> str:
        return f"{self.study.study_name}-{number}"

    def _reseed(self, number: int) -> None:
        self.study.sampler = _new_sampler(self.sampler, self.seed, number)


def open_study(
    file: Path, space: Space, directions: Sequence[str], sampler: str, seed: int, claims: Claims
) -> Study:
    """The study in that file, begun where it does not exist. `ConfigError` without Optuna;
    `DataError` where the file holds no journal.
    """
    optuna = import_optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{file}.lock")  # the kernel frees it with its process, unlike Optuna's own
    with lock:
        _cut_torn_line(file)
    try:
        study = optuna.create_study(
            storage=JournalStorage(
                JournalFileBackend(str(file), lock_obj=lock)  # type: ignore[arg-type]  # as its own
            ),
            study_name=file.stem,
            directions=directions,
            load_if_exists=True,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{file}: expected a journal of trials; got a damaged one ({type(error).__name__}); "
            "move it away: a new search reuses all edits"
        ) from error
    return Study(file, study, space, sampler, seed, claims)


def import_optuna() -> Any:
    """Optuna, quiet. `ConfigError` where it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(
            "ids search: expected the package optuna; got none; pip install 'ids-editing[search]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _ended(trial: Any) -> Trial:
    """A trial as it ended. It may have attributes of another end, at which it was killed."""
    attributes = trial.user_attrs
    means = [Estimate(*mean) for mean in attributes.get("means", ())]
    if trial.values is None:
        return Trial(trial.number, trial.params, reason=str(attributes.get("reason", "")))
    if means and [mean.value for mean in means] == trial.values:
        return Trial(trial.number, trial.params, means)
    reason = str(attributes.get("pruned", ""))
    return Trial(trial.number, trial.params, reason=reason, pruned=True)


def _new_sampler(name: str, seed: int, number: int) -> Any:
    optuna = import_optuna()
    mixed = (seed * 1_000_003 + number) % 2**32
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=mixed)
    return optuna.samplers.TPESampler(seed=mixed)


def _suggest(trial: Any, axis: Axis) -> Value:
    """The value of an axis in a trial: sampled, or as it was sampled before."""
    value: Value
    match axis:
        case Interval(whole=True):
            value = trial.suggest_int(axis.key, int(axis.low), int(axis.high), log=axis.log)
        case Interval():
            value = trial.suggest_float(axis.key, axis.low, axis.high, log=axis.log)
        case Choice():
            value = trial.suggest_categorical(axis.key, axis.texts)
        case Range():
            value = trial.suggest_int(axis.key, 0, len(axis.texts) - 1)
    return value


def _cut_torn_line(file: Path) -> None:
    """Remove a line that a killed process left unfinished: no process can read past it."""
    if file.is_file() and not (content := file.read_bytes()).endswith(b"\n"):
        os.truncate(file, content.rfind(b"\n") + 1)
