"""Errors of the file system below results. One that may pass is tried again; a disk that takes no
files ends the command: no other edit could be kept either.
"""

import errno
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ids.core.errors import StorageError

log = logging.getLogger(__name__)
T = TypeVar("T")
TRANSIENT = (errno.EIO, errno.EAGAIN, errno.EBUSY, errno.ESTALE, errno.ETIMEDOUT, errno.EINTR)
BACK_OFF = (1.0, 4.0, 16.0)  # seconds before an operation that failed is tried again
SOON = (0.1,)  # of one of many files that are read
REFUSALS = {  # what is wrong with the disk, and the remedy
    errno.ENOSPC: ("it is full", "free some space"),
    errno.EDQUOT: ("your quota is used up", "free some space"),
    errno.EROFS: ("it is read-only", "make it writable"),
}


def free_bytes(folder: Path) -> int:
    """Free space on the disk of a folder, which need not exist yet."""
    place = folder.resolve()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def patiently(act: Callable[[], T], waits: Sequence[float] | None = None) -> T:
    """The answer of `act`, which is called again after an error that may pass, and must be harmless
    to repeat. `waits` are seconds before each try; None: `BACK_OFF`. Raises the last error.
    """
    for seconds in BACK_OFF if waits is None else waits:
        try:
            return act()
        except Exception as error:
            if not may_pass(error):
                raise
            log.warning("%s; tried again in %g s", error, seconds)
        time.sleep(seconds)
    return act()


def may_pass(error: BaseException) -> bool:
    """Is this an error of the file system that may pass, or caused by one?"""
    cause = error if isinstance(error, OSError) else error.__cause__
    return isinstance(cause, OSError) and cause.errno in TRANSIENT


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """`StorageError` where the disk of results in `folder` takes no files."""
    try:
        yield
    except OSError as error:
        if (found := storage_error(error, folder)) is not None:
            raise found from error
        raise


def storage_error(error: Exception, folder: Path) -> StorageError | None:
    """The line for a disk that takes no files; None for other errors. Names `folder`, unless the
    error is about a file elsewhere.
    """
    if isinstance(error, StorageError):
        return error
    if not isinstance(error, OSError) or error.errno not in REFUSALS:
        return None
    reason, remedy = REFUSALS[error.errno]
    file = Path(str(error.filename or folder))
    place = folder if file.absolute().is_relative_to(folder.absolute()) else file
    return StorageError(
        f"{place}: expected a disk that takes files; {reason}; {remedy}, then give the same "
        "command again"
    )
