"""Files of a result and their stamps: size, time and checksum when they were written."""

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path

from ids.run.records import FileStamp


def write(path: Path, content: bytes, flush: bool = False) -> FileStamp:
    """Write a file and return its stamp; with `flush`, wait until it is on the disk. `OSError`
    where it was written in part.
    """
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        if flush:
            os.fsync(stream.fileno())
        status = os.fstat(stream.fileno())
    if status.st_size != len(content):
        raise OSError(errno.EIO, "written in part", str(path))
    return FileStamp(_sha256(content), status.st_size, status.st_mtime_ns)


def write_beside(path: Path, content: bytes) -> None:
    """Write a file of one writer atomically, in a folder that is created where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    write(partial, content)
    os.replace(partial, path)


def touch(path: str) -> None:
    """Give a file another time where the system allows it, so that its stamp no longer fits."""
    with suppress(OSError):
        os.utime(path)


def difference(path: str, wanted: FileStamp, always: bool = False) -> str:
    """How a file differs from its stamp; empty where it does not. A file of the same size and time
    is read only if `always`.
    """
    try:
        status = os.stat(path)
        if status.st_size != wanted.size:
            return f"expected {wanted.size} bytes; got {status.st_size}"
        if not always and status.st_mtime_ns == wanted.mtime_ns:
            return ""
        if _sha256(Path(path).read_bytes()) != wanted.sha256:
            return "its content does not have its checksum"
        return ""
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
