"""Folders that files can be created in."""

import tempfile
from pathlib import Path

from ids.core.errors import ConfigError


def refuses_files(folder: Path) -> str:
    """Why no file can be created in an existing folder; empty if one can. Tries it with a temporary
    file, since permissions alone do not decide it.
    """
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__


def create_folder(folder: Path) -> None:
    """With its parents, where it is missing. `ConfigError` where no file can be created in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = refuses_files(folder)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    if reason:
        raise ConfigError(
            f"{folder}: expected a folder that takes files; {reason}; choose another, or copy the "
            "results to one"
        )
