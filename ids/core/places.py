"""Folders that files can be made in."""

import tempfile
from pathlib import Path


def refuses_files(folder: Path) -> str:
    """Why no file can be made in a folder that exists, empty where one can: permissions alone do
    not tell. The file that is tried has no name, and is gone.
    """
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__
