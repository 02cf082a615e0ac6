"""Words to experiments: every setting is checked and built before the first one starts. The command
line and the Python API call these functions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ids.config.compose import compose_all, compose_sweep
from ids.config.setting import Composed, Refused
from ids.config.sources import find_sources
from ids.core.errors import ConfigError, IdsError
from ids.core.importing import lean_imports

if TYPE_CHECKING:
    from ids.run import Experiment

DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # five times as fast, where it was built


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
    found = prepare_composed(composition.settings, multirun or composition.sweep)
    ignored = _ignored(words, [setting for setting, _ in found.ready]) if found.ready else ()
    return replace(found, notes=[*composition.notes, *ignored])


def prepare_composed(found: Sequence[Composed | Refused], sweep: bool) -> Prepared:
    """Build settings that are composed and checked. Raises as `prepare`."""
    settings = [s for s in found if isinstance(s, Composed)]
    refused = [s for s in found if isinstance(s, Refused)]
    ready, failed = _built(settings, sweep)
    refused += failed
    if not ready and len({str(setting.error) for setting in refused}) == 1:
        raise refused[0].error
    if len({setting.values["output_dir"] for setting, _ in ready}) > 1:
        raise ConfigError("output_dir: expected one folder for all settings; got several")
    return Prepared(ready, refused, sweep, [])


def show(words: Sequence[str], config_dirs: Sequence[str] = ()) -> str:
    """The whole configuration of the first setting as YAML, as it would run."""
    return yaml_text(compose_all(words, find_sources(config_dirs))[0].values)


def _built(
    settings: Sequence[Composed], sweep: bool
) -> "tuple[list[tuple[Composed, Experiment]], list[Refused]]":
    """The experiments of one session, and the settings that a class refused."""
    ready: list[tuple[Composed, Experiment]] = []
    refused: list[Refused] = []
    if settings:
        with lean_imports():
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


def yaml_text(content: object) -> str:
    """Plain data as YAML."""
    return yaml.dump(content, Dumper=DUMPER, sort_keys=False, allow_unicode=True)


def _takes_guidance(method: Mapping[str, Any]) -> bool:
    return "guidance" in method or "guidance" in method.get("editor", {})


def _ignored(words: Sequence[str], settings: Sequence[Composed]) -> Iterator[str]:
    """A note for each word that changes nothing."""
    for word in words:
        if word.startswith("fpr.") and all(s.choices["fpr"] == "none" for s in settings):
            why = "no method of this run refines its noise; add fpr=released"
        elif word.startswith(("inversion.", "inversion=")) and not any(
            "inversion" in s.values["method"] for s in settings
        ):
            why = "no method of this run inverts; take reconstruction, p2p or pnp"
        elif word.startswith(("guidance.", "guidance=")) and not any(
            _takes_guidance(s.values["method"]) for s in settings
        ):
            why = "no method of this run has guidance that changes along its steps; take dds"
        elif word.startswith("finish.") and all(s.choices["finish"] == "none" for s in settings):
            why = "no method of this run is finished; add finish=displacement_mask"
        else:
            continue
        yield f"{word}: changes nothing; {why}, or leave it out"
