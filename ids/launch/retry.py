"""A stored run once more: its settings with `retry_failed`."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ids.config.check import check
from ids.config.compose import compose_all
from ids.config.entry import Prepared, prepare_composed
from ids.config.setting import Composed, Refused
from ids.config.sources import Sources, find_sources
from ids.core.errors import ConfigError
from ids.launch.statement import FILE, SettingStatement, Statement

AGAIN = "retry_failed=true"


def prepare_retry(
    run: Path, folders: Iterable[Path], output_dir: Path, words: Sequence[str] = ()
) -> Prepared:
    """The settings with these folders of a run, to edit failed rows again. `words` may choose
    another launcher. Enters the folder in which the command of the run was given.

    `ConfigError` for a run whose settings are not stored, or that belongs to another store.
    """
    statement = _read(run / FILE)
    root = output_dir.resolve()
    try:
        os.chdir(statement.place)
    except OSError as error:
        raise ConfigError(
            f"{run}: expected the folder in which its command was given, {statement.place}; "
            f"{error.strerror}; give the command again with {AGAIN}"
        ) from error
    sources = find_sources(statement.config_dirs)
    numbers = [int(f.name) if statement.sweep else 0 for f in folders]
    chosen = [statement.settings[number] for number in sorted(numbers)]
    _check_store(run, root, chosen[0].values)
    return prepare_composed([_again(one, sources, words) for one in chosen], statement.sweep)


def _read(file: Path) -> Statement:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Statement)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file}: expected the settings of a run; {getattr(error, 'strerror', None) or error}; "
            f"give its command again with {AGAIN}"
        ) from error


def _check_store(run: Path, root: Path, values: Mapping[str, Any]) -> None:
    stored = Path(values["output_dir"]).resolve()
    if stored != root:
        raise ConfigError(
            f"{run}: expected a run of the store {root}; got one of {stored}; give its command "
            f"again with {AGAIN} output_dir={root}"
        )


def _again(one: SettingStatement, sources: Sources, words: Sequence[str]) -> Composed | Refused:
    """A setting as it was, on another launcher where the words choose one. Its finished edits
    stay, whatever `force` was.
    """
    kept = [word for word in one.words if word not in (AGAIN, "force=true")]
    launch = [word for word in kept if _is_launch(word)]
    if any(word.startswith("launch=") for word in words):
        kept, launch = [word for word in kept if not _is_launch(word)], []
    values = one.values | {"retry_failed": True, "force": False}
    try:
        if words:
            values["launch"] = compose_all([*launch, *words], sources)[0].values["launch"]
        check(values, sources.classes)
    except ConfigError as error:
        return Refused(one.words, error)
    return Composed([*kept, *words, AGAIN], values, one.choices, one.name, sources)


def check_launch_words(words: Sequence[str]) -> None:
    """`ConfigError` for a word that is no option of the launcher."""
    for word in words:
        if not _is_launch(word):
            raise ConfigError(
                f"{word}: expected launch=... or launch.key=value, since the other values of the "
                f"run stay; for others give its command again with {AGAIN}"
            )


def _is_launch(word: str) -> bool:
    return word.startswith(("launch=", "launch."))
