"""Prepared settings to finished runs, wherever their units run."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from ids.config.build import build
from ids.config.entry import Prepared, yaml_text
from ids.config.setting import Composed, Refused
from ids.core.errors import ConfigError, IdsError
from ids.core.records import EditCase
from ids.core.storage import storing
from ids.core.unexpected import unexpected
from ids.launch.launcher import Command, Launcher
from ids.launch.statement import write_statement
from ids.log.progress import RunProgress, labels_of_words
from ids.run.cut import Bounds
from ids.run.experiment import Experiment
from ids.run.follower import Follower, Unfollowed
from ids.run.outcomes import new_run_folder
from ids.run.planned import run_claim
from ids.run.sweep import Sweep

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Launched:
    """Finished runs. `folder` holds the outcomes of each setting; `failed` are those that broke
    off.
    """

    folder: Path
    prepared: Prepared
    failed: Sequence[Refused]

    def cases(self) -> list[EditCase]:
        """The cases of every data set that could be read, each once."""
        found: dict[str, EditCase] = {}
        for _, experiment in self.prepared.ready:
            with suppress(IdsError):
                found |= {case.digest: case for case in experiment.survey().cases}
        return list(found.values())


def launch(prepared: Prepared, labels: Sequence[str] = ()) -> Launched:
    """Run what is ready. What breaks a setting off costs itself only. `labels` name the settings in
    messages and trackers; without any, the words that distinguish them do.
    """
    settings = [setting for setting, _ in prepared.ready]
    launcher, bounds = find_launcher(settings)
    folder = new_run_folder(prepared.output_dir)
    places = {n: folder / str(n) if prepared.sweep else folder for n in range(len(settings))}
    experiments = {n: experiment for n, (_, experiment) in enumerate(prepared.ready)}
    labels = labels or labels_of_words(
        [experiment.method.name for experiment in experiments.values()],
        [setting.words for setting in settings],
    )
    session, store = experiments[0].session, experiments[0].store
    command = Command(settings, folder, store.root, prepared.sweep, session.began)
    numbered = dict(enumerate(labels))
    try:
        with (
            storing(store.root),
            RunProgress(len(settings)) as progress,
            following(experiments, numbered) as follower,
        ):
            sweep = Sweep(experiments, places, numbered, progress, bounds, follower)
            session.open(store)
            _write_configs(settings, places)
            _write_settings(command)
            with store.claims.held(run_claim(folder)):  # `ids status`: this command is alive
                sweep.run(lambda sweep, units: launcher(command, sweep, units))
    finally:
        for experiment in experiments.values():
            experiment.store.close()
        with suppress(OSError):  # workers of a killed command may have died since it was opened
            store.sweep()
    return Launched(folder, prepared, _failed(sweep, settings))


def following(
    experiments: Mapping[int, Experiment], labels: Mapping[int, str]
) -> AbstractContextManager[Follower]:
    """The loggers of these settings. Without any, nothing is imported for them."""
    if not any(experiment.loggers for experiment in experiments.values()):
        return nullcontext(Unfollowed())
    from ids.track import tracking

    return tracking(experiments, labels)


def find_launcher(settings: Sequence[Composed]) -> tuple[Launcher, Bounds]:
    """The launcher of all settings, and the size of its units. `ConfigError` where they differ, or
    this machine cannot launch.
    """
    first = settings[0].values["launch"]
    if any(setting.values["launch"] != first for setting in settings):
        raise ConfigError("launch: expected one for all settings; got several; choose one")
    launcher = build(first, "launch", settings[0].sources.classes)
    if not isinstance(launcher, Launcher):
        raise ConfigError(
            f"launch._target_: expected a launcher; got {type(launcher).__name__}, which is none; "
            "take launch=here"
        )
    return launcher, launcher.bounds


def _failed(sweep: Sweep, settings: Sequence[Composed]) -> list[Refused]:
    return [
        Refused(
            settings[number].words,
            error if isinstance(error, IdsError) else unexpected(error, sweep.folders[number]),
        )
        for number, error in sorted(sweep.errors.items())
    ]


def _write_settings(command: Command) -> None:
    """The settings for `ids retry`; those of text that is no Unicode cannot be repeated by it."""
    try:
        write_statement(command)
    except ConfigError as error:
        log.warning("%s; `ids retry` cannot repeat this run", error)


def _write_configs(settings: Sequence[Composed], places: Mapping[int, Path]) -> None:
    """The configuration and the words of each setting, beside its outcomes."""
    for number, setting in enumerate(settings):
        config = places[number] / "config"
        config.mkdir(parents=True)
        (config / "config.yaml").write_text(yaml_text(setting.values), encoding="utf-8")
        (config / "overrides.yaml").write_text(yaml_text(list(setting.words)), encoding="utf-8")
