"""Words to finished runs: every setting is checked and built before the first one starts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ids.config.compose import Composed, Refused, compose_all, compose_sweep
from ids.core.errors import ConfigError, IdsError
from ids.core.unexpected import interrupted, unexpected

if TYPE_CHECKING:
    from ids.core.records import EditCase
    from ids.run import Experiment


@dataclass(frozen=True)
class Prepared:
    """The settings of one command, built and ready, and those that cannot be."""

    ready: "Sequence[tuple[Composed, Experiment]]"
    refused: Sequence[Refused]
    sweep: bool
    notes: Sequence[str]  # what was asked for and changes nothing


@dataclass(frozen=True)
class Launched:
    """Finished runs: `folder` tells what became of each setting, `failed` which were broken off."""

    folder: Path
    prepared: Prepared
    failed: Sequence[Refused]

    @property
    def output_dir(self) -> Path:
        return Path(self.prepared.ready[0][0].values["output_dir"])

    def cases(self) -> "list[EditCase]":
        """The cases of every data set that could be read, each once."""
        found: dict[str, EditCase] = {}
        for _, experiment in self.prepared.ready:
            with suppress(IdsError):
                found |= {case.digest: case for case in experiment.survey().cases}
        return list(found.values())


def prepare(
    words: Sequence[str], multirun: bool = False, data: Mapping[str, Any] | None = None
) -> Prepared:
    """Compose, check and build every setting. Where only one was asked for, or none of them can be
    for one reason, that is raised.
    """
    composition = compose_sweep(words, data)
    sweep = multirun or composition.sweep
    settings = [s for s in composition.settings if isinstance(s, Composed)]
    refused = [s for s in composition.settings if isinstance(s, Refused)]
    ready = []
    made: dict[str, Any] = {}
    for setting in settings:
        try:
            ready.append((setting, _built(setting, sweep, made)))
        except IdsError as error:
            refused.append(Refused(setting.words, error))
    if not ready and len({str(setting.error) for setting in refused}) == 1:
        raise refused[0].error
    if len({setting.values["output_dir"] for setting, _ in ready}) > 1:
        raise ConfigError("output_dir: expected one folder for all settings; got several")
    notes = list(_ignored(words, [setting for setting, _ in ready])) if ready else []
    return Prepared(ready, refused, sweep, notes)


def launch(prepared: Prepared) -> Launched:
    """Run what is ready, one after another. What breaks a setting off costs itself only."""
    output_dir = Path(prepared.ready[0][0].values["output_dir"])
    folder = output_dir / "runs" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
    failed = []
    for index, (setting, experiment) in enumerate(prepared.ready):
        place = folder / str(index) if prepared.sweep else folder
        try:
            _state(setting, place)
            experiment.run(place)
        except Exception as error:  # whatever it is, the other settings still run
            if interrupted(error):
                raise
            known = error if isinstance(error, IdsError) else unexpected(error, place)
            failed.append(Refused(setting.words, known))
    return Launched(folder, prepared, failed)


def show(words: Sequence[str]) -> str:
    """The whole configuration as YAML, as it would run."""
    return _yaml(compose_all(words)[0].values)


def _built(setting: Composed, sweep: bool, made: dict[str, Any]) -> "Experiment":
    from ids.config.build import build_experiment

    experiment = build_experiment(setting.choices, setting.values, sweep, made)
    len(experiment.dataset)  # its table is read once, now
    return experiment


def _state(setting: Composed, folder: Path) -> None:
    """What was asked for, beside what becomes of it."""
    config = folder / "config"
    config.mkdir(parents=True)
    (config / "config.yaml").write_text(_yaml(setting.values), encoding="utf-8")
    (config / "overrides.yaml").write_text(_yaml(list(setting.words)), encoding="utf-8")


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _ignored(words: Sequence[str], settings: Sequence[Composed]) -> Iterator[str]:
    """What was asked for and changes nothing."""
    for word in words:
        if word.startswith("fpr.") and all(s.choices["fpr"] == "none" for s in settings):
            why = "no method of this run refines its noise; add fpr=released"
        elif word.startswith(("inversion.", "inversion=")) and not any(
            "inversion" in s.values["method"] for s in settings
        ):
            why = "no method of this run inverts; take reconstruction, p2p or pnp"
        else:
            continue
        yield f"{word} changes nothing: {why}, or leave it out"
