"""Folders that files can be created in."""

import tempfile
from pathlib import Path


def refuses_files(folder: Path) -> str:
    """Why no file can be created in an existing folder; empty if one can. Tries it with a temporary
    file, since permissions alone do not decide it.
    """
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__
