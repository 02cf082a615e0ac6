"""Errors that are no `IdsError`: one line on the terminal, the traceback in a file."""

import re
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

from ids.core.errors import IdsError
from ids.core.storage import storage_error

TRACEBACK = re.compile(r"unexpected (\w+): (.*); the traceback is in (.+)", re.DOTALL)


class UnexpectedError(IdsError):
    """An error whose message is printed without its class."""


def unexpected(error: Exception, folder: Path | None = None) -> IdsError:
    """One line that names the error and the file of its traceback, in `folder` or a temporary
    one. A disk that takes no files is a `StorageError`.
    """
    place = getattr(error, "filename", None) or folder or "disk"
    if (known := storage_error(error, Path(str(place)))) is not None:
        return known
    message = "; ".join(line.strip() for line in str(error).splitlines()[:1]) or "no message"
    file = _written("".join(traceback.format_exception(error)), folder)
    where = f"the traceback is in {file}" if file else "IDS_DEBUG=1 prints the traceback"
    return UnexpectedError(f"unexpected {type(error).__name__}: {message}; {where}")


def parts_of(text: str) -> tuple[str, str, str] | None:
    """Kind, message and traceback file of the line of an unexpected error; None for another
    line.
    """
    found = TRACEBACK.fullmatch(text)
    return (found[1], found[2], found[3]) if found else None


def cause(text: str) -> str:
    """A text without the files of tracebacks in it: equal for equal errors of different runs."""
    return TRACEBACK.sub(r"unexpected \1: \2", text)


def interrupted(error: BaseException) -> bool:
    """Is a signal to stop the cause of this error?"""
    cause = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt) or (cause is not None and interrupted(cause))


def line(error: IdsError) -> str:
    """The line that the command prints for an error."""
    return str(error) if isinstance(error, UnexpectedError) else f"{type(error).__name__}: {error}"


def _written(text: str, folder: Path | None) -> Path | None:
    if folder is not None:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / "traceback.txt"
            file.write_text(text, encoding="utf-8", errors="backslashreplace")
            return file
    with suppress(OSError):
        handle, name = tempfile.mkstemp(prefix="ids-traceback-", suffix=".txt")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
        return Path(name)
    return None
