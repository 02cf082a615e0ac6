"""Words to finished runs: every setting is checked and built before the first one starts.

The command line, the Python API and workers all call these functions.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ids.config.compose import Composed, Refused, compose_all, compose_sweep
from ids.config.sources import find_sources
from ids.core.errors import ConfigError, IdsError
from ids.core.unexpected import interrupted, unexpected

if TYPE_CHECKING:
    from ids.core.records import EditCase
    from ids.run import Experiment


@dataclass(frozen=True)
class Prepared:
    """The settings of one command that can run, built, and those that cannot."""

    ready: "Sequence[tuple[Composed, Experiment]]"
    refused: Sequence[Refused]
    sweep: bool
    notes: Sequence[str]  # words that were replaced, or change nothing

    @property
    def output_dir(self) -> Path:
        """The store of all settings that are ready."""
        return Path(self.ready[0][0].values["output_dir"])


@dataclass(frozen=True)
class Launched:
    """Finished runs. `folder` holds the outcomes of each setting; `failed` are those that broke
    off.
    """

    folder: Path
    prepared: Prepared
    failed: Sequence[Refused]

    def cases(self) -> "list[EditCase]":
        """The cases of every data set that could be read, each once."""
        found: dict[str, EditCase] = {}
        for _, experiment in self.prepared.ready:
            with suppress(IdsError):
                found |= {case.digest: case for case in experiment.survey().cases}
        return list(found.values())


def prepare(
    words: Sequence[str],
    multirun: bool = False,
    data: Mapping[str, Any] | None = None,
    config_dirs: Sequence[str] = (),
) -> Prepared:
    """Compose, check and build every setting. Raises the error of a single setting, or the one that
    all settings have.

    `data` are literal values of the data set. `config_dirs` are folders with options
    (GROUP/NAME.yaml) and modules of the user.
    """
    composition = compose_sweep(words, data, find_sources(config_dirs))
    sweep = multirun or composition.sweep
    settings = [s for s in composition.settings if isinstance(s, Composed)]
    refused = [s for s in composition.settings if isinstance(s, Refused)]
    ready, failed = _built(settings, sweep)
    refused += failed
    if not ready and len({str(setting.error) for setting in refused}) == 1:
        raise refused[0].error
    if len({setting.values["output_dir"] for setting, _ in ready}) > 1:
        raise ConfigError("output_dir: expected one folder for all settings; got several")
    ignored = _ignored(words, [setting for setting, _ in ready]) if ready else ()
    return Prepared(ready, refused, sweep, [*composition.notes, *ignored])


def launch(prepared: Prepared) -> Launched:
    """Run what is ready, one after another. What breaks a setting off costs itself only."""
    from ids.log.progress import RunProgress, setting_labels
    from ids.run.outcomes import new_run_folder

    folder = new_run_folder(prepared.output_dir)
    failed = []
    labels = setting_labels(
        [experiment.method.name for _, experiment in prepared.ready],
        [setting.words for setting, _ in prepared.ready],
    )
    with RunProgress([experiment.n_steps for _, experiment in prepared.ready]) as progress:
        for index, (setting, experiment) in enumerate(prepared.ready):
            place = folder / str(index) if prepared.sweep else folder
            try:
                with progress.setting(labels[index]):
                    _write_config(setting, place)
                    experiment.run(place, progress)
            except Exception as error:  # whatever it is, the other settings still run
                if interrupted(error):
                    raise
                known = error if isinstance(error, IdsError) else unexpected(error, place)
                failed.append(Refused(setting.words, known))
    return Launched(folder, prepared, failed)


def show(words: Sequence[str], config_dirs: Sequence[str] = ()) -> str:
    """The whole configuration of the first setting as YAML, as it would run."""
    return _yaml(compose_all(words, find_sources(config_dirs))[0].values)


def _built(
    settings: Sequence[Composed], sweep: bool
) -> "tuple[list[tuple[Composed, Experiment]], list[Refused]]":
    """The experiments of one session, and the settings that a class refused."""
    ready: list[tuple[Composed, Experiment]] = []
    refused: list[Refused] = []
    if settings:
        from ids.config.build import build_experiment
    for setting in settings:
        try:
            session = ready[0][1].session if ready else None
            experiment = build_experiment(setting, sweep, session)
            len(experiment.dataset)  # its table is read once, now
            ready.append((setting, experiment))
        except IdsError as error:
            refused.append(Refused(setting.words, error))
    return ready, refused


def _write_config(setting: Composed, folder: Path) -> None:
    """The configuration and its words, beside the outcomes."""
    config = folder / "config"
    config.mkdir(parents=True)
    (config / "config.yaml").write_text(_yaml(setting.values), encoding="utf-8")
    (config / "overrides.yaml").write_text(_yaml(list(setting.words)), encoding="utf-8")


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _ignored(words: Sequence[str], settings: Sequence[Composed]) -> Iterator[str]:
    """A note for each word that changes nothing."""
    for word in words:
        if word.startswith("fpr.") and all(s.choices["fpr"] == "none" for s in settings):
            why = "no method of this run refines its noise; add fpr=released"
        elif word.startswith(("inversion.", "inversion=")) and not any(
            "inversion" in s.values["method"] for s in settings
        ):
            why = "no method of this run inverts; take reconstruction, p2p or pnp"
        else:
            continue
        yield f"{word}: changes nothing; {why}, or leave it out"
