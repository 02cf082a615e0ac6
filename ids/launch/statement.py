"""The settings of a command as one JSON file: what a worker builds its experiments from."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ids.config.build import build_experiment
from ids.config.check import check
from ids.config.setting import Composed
from ids.config.sources import find_sources
from ids.core.errors import ConfigError
from ids.launch.launcher import Command
from ids.run import Engine, Experiment, Session

FILE = "plan.json"


class SettingStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One setting, as composed."""

    words: Sequence[str]
    values: dict[str, Any]
    choices: dict[str, str]
    name: str


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a command, its folders, and when it began."""

    settings: list[SettingStatement]
    config_dirs: list[str]
    place: str  # the folder in which the command was given
    folder: str  # of this run
    sweep: bool
    began: float


def write_statement(command: Command) -> Path:
    """Write the settings of a command into its folder. `ConfigError` for text that is no
    Unicode.
    """
    statement = Statement(
        [
            SettingStatement(list(one.words), one.values, dict(one.choices), one.name)
            for one in command.settings
        ],
        [str(folder) for folder in command.settings[0].sources.classes.folders],
        os.getcwd(),
        str(command.folder.absolute()),
        command.sweep,
        command.began,
    )
    file = command.folder / FILE
    try:
        content = msgspec.json.encode(statement)
    except UnicodeEncodeError as error:
        raise ConfigError(f"launch: expected Unicode text in all values; got {error}") from error
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file.absolute()


@dataclass(frozen=True)
class Settings:
    """The experiments of a statement by their numbers, each built when it is needed. All share a
    session: a backbone, data set or metric is loaded once.
    """

    statement: Statement
    built: dict[int, Experiment] = field(default_factory=dict)

    def __call__(self, number: int) -> Experiment:
        """The experiment of a setting. Its values are checked again: a file may be changed."""
        if number not in self.built:
            sources = find_sources(self.statement.config_dirs)
            one = self.statement.settings[number]
            check(one.values, sources.classes)
            first = next(iter(self.built.values()), None)
            session = first.session if first else Session(Engine(), began=self.statement.began)
            setting = Composed(one.words, one.values, one.choices, one.name, sources)
            self.built[number] = build_experiment(setting, self.statement.sweep, session)
        return self.built[number]

    def folder(self, number: int) -> Path:
        """Where tracebacks of a setting go."""
        return Path(self.statement.folder) / (str(number) if self.statement.sweep else "")


def read_statement(file: Path) -> Settings:
    """The settings in a file, with relative paths as the command had them."""
    statement = msgspec.json.decode(file.read_bytes(), type=Statement)
    os.chdir(statement.place)
    return Settings(statement)


def values_of(command: Command, group: str) -> list[Mapping[str, Any]]:
    """The values of a group in every setting."""
    return [setting.values[group] for setting in command.settings]
