"""The loggers of `ids log`, and what earlier runs know of the settings that it logs."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import yaml

from ids.config.build import build, build_dataset
from ids.config.check import check
from ids.config.compose import compose_all
from ids.config.setting import Composed
from ids.config.sources import find_sources
from ids.config.values import literal
from ids.core.errors import ConfigError, IdsError
from ids.core.logs import Logger
from ids.core.records import EditCase
from ids.launch.statement import FILE, Statement
from ids.run.manifest import read_cases
from ids.run.planned import PlannedSetting, read_planned
from ids.track.stored import Origins


def find_loggers(words: Sequence[str], output_dir: Path) -> dict[str, Logger]:
    """The loggers that the words choose, by name. `ConfigError` for a word about anything else."""
    for word in words:
        if not word.startswith(("logger=", "logger.")):
            raise ConfigError(
                f"{word}: expected logger=... or logger.key=value, since `ids log` makes no edits; "
                "remove it"
            )
    sources = find_sources()
    store = f"output_dir={literal(str(output_dir))}"
    settings = compose_all([*words, store], sources)
    if len(settings) > 1:
        raise ConfigError("logger: expected one; got several; choose one")
    values = settings[0].values["logger"]
    return {name: build(node, f"logger.{name}", sources.classes) for name, node in values.items()}


def origins(output_dir: Path) -> Origins:
    """From the runs of a store; the newest one of a setting counts. What cannot be read any more is
    left out.
    """
    configs: dict[tuple[str, str], Mapping[str, Any]] = {}
    cases: dict[str, EditCase] = {}
    surveyed: set[str] = set()
    for folder, planned in read_planned(output_dir):
        config = _config(folder)
        for part in planned.parts if config else ():
            configs[part.setting, planned.dataset] = config
        key = repr(config.get("dataset"))
        if key not in surveyed:
            surveyed.add(key)
            cases |= _cases(folder, planned)
    return Origins(configs, cases)


def _config(folder: Path) -> dict[str, Any]:
    with suppress(OSError, UnicodeDecodeError, yaml.YAMLError):
        content = yaml.safe_load((folder / "config" / "config.yaml").read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    return {}


def stored_setting(folder: Path) -> Composed | None:
    """A setting of a run, checked as its command was. None where it cannot be read, and where its
    command was given in another folder: its paths lead elsewhere.
    """
    run, number = (folder.parent, int(folder.name)) if folder.name.isdigit() else (folder, 0)
    with suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError, IndexError, IdsError):
        statement = msgspec.json.decode((run / FILE).read_bytes(), type=Statement)
        if Path(statement.place) == Path(os.getcwd()):
            one, sources = statement.settings[number], find_sources(statement.config_dirs)
            check(one.values, sources.classes)
            return Composed(one.words, one.values, one.choices, one.name, sources)
    return None


def _cases(folder: Path, planned: PlannedSetting) -> dict[str, EditCase]:
    """The cases of a setting, whose images are read when they are needed."""
    setting = stored_setting(folder)
    with suppress(OSError, IdsError):
        if setting is not None:
            dataset, selection = build_dataset(setting)
            known = {ref.case for part in planned.parts for ref in part.jobs}
            ids = {ref.id for part in planned.parts for ref in part.jobs}
            found = (case for case in read_cases(dataset, selection) if case.id in ids)
            return {case.digest: case for case in found if case.digest in known}
    return {}
