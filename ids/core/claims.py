"""Claims on work under way: locks of the operating system, which the kernel frees when a process
dies.

claims/<key>.lock               held while a result is made or judged
partial/<process>/, .lock       unfinished files of a process; the lock is held while it lives
"""

import errno
import logging
import os
import shutil
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

try:
    import fcntl
except ImportError:  # Windows: a file counts as held
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)
T = TypeVar("T")
POLL = 0.2  # seconds between two looks at work of other processes
NEW = 1.0  # seconds between the creation of a file and its lock, at most
UNSUPPORTED = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)


def take(path: Path) -> FileLock | None:
    """Lock that file; None where another process holds it. Does not wait.

    `release` removes the file before it frees the lock, so that a lock may be taken on a file that
    has no path any more. It counts only if the path still names the file.
    """
    name = os.fspath(path)
    while True:
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o644))
        lock = FileLock(name, timeout=0)
        with suppress(FileNotFoundError):
            before = os.stat(name).st_ino
            try:
                lock.acquire()
            except Timeout:
                return None
            except (NotImplementedError, OSError) as error:
                if isinstance(error, OSError) and error.errno not in UNSUPPORTED:
                    raise
                log.warning("%s: no locks on this file system; work may be done twice", name)
                return lock
            if os.stat(name).st_ino == before:
                return lock
        lock.release()


def release(lock: FileLock) -> None:
    """Free a lock and remove its file."""
    with suppress(OSError):
        os.unlink(lock.lock_file)
    lock.release()


def _is_held(path: Path) -> bool:
    """Does a process hold the lock of that file? Asks for a shared lock, which no holder notices,
    and gives it back at once. A file that has just been created is about to be locked: held.
    """
    try:
        if fcntl is None or time.time() - path.stat().st_mtime < NEW:
            return True
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except FileNotFoundError:
        return False
    except OSError:  # it is held, or this file system has no locks
        return True


@dataclass(frozen=True)
class Claims:
    """Locks in the folder `root`, one per name. On a file system without locks nothing is held:
    work may be done twice, and the first complete result still wins.
    """

    root: Path
    _waited: threading.Event = field(
        default_factory=threading.Event, init=False, repr=False, compare=False
    )

    @contextmanager
    def wait(self, name: str, work: str = "") -> Iterator[None]:
        """Hold the lock of that name; waits until it is free, with a warning that names the `work`
        of its holder where that takes long.
        """
        with ExitStack() as held:
            while not self._take(name, held):
                if work:
                    log.warning("waiting for %s", work)
                    work = ""
                time.sleep(POLL / 10)
            yield

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Hold the lock of that name; yields False where another process holds it."""
        with ExitStack() as stack:
            yield self._take(name, stack)

    def batches(
        self,
        items: Sequence[T],
        size: int,
        key: Callable[[T], str],
        done: Callable[[T], bool],
    ) -> Iterator[list[T]]:
        """Items that are not done, up to `size` at a time, each claimed by its `key` until the next
        batch is requested. Items that other processes hold come last, unless they are done by then.
        """
        waiting = deque(items)
        while waiting:
            with ExitStack() as held:
                batch: list[T] = []
                busy: list[T] = []
                while waiting and len(batch) < size:
                    item = waiting.popleft()
                    if not self._take(key(item), held):
                        if not done(item):
                            busy.append(item)
                    elif not done(item):  # by another, just before
                        batch.append(item)
                if batch:
                    yield batch
            waiting.extend(busy)
            if waiting and not batch:
                if not self._waited.is_set():  # once is enough
                    self._waited.set()
                    log.warning("waiting for results of other processes")
                time.sleep(POLL)

    def under_way(self) -> set[str]:
        """The names of the locks that other processes hold. Writes nothing."""
        return {path.stem for path in self.root.glob("*.lock") if _is_held(path)}

    def sweep(self) -> None:
        """Remove the lock files of dead processes."""
        for path in self.root.glob("*.lock"):
            with ExitStack() as held:
                self._take(path.stem, held)

    def _take(self, name: str, held: ExitStack) -> bool:
        try:
            lock = take(self.root / f"{name}.lock")
        except FileNotFoundError:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = take(self.root / f"{name}.lock")
        if lock is not None:
            held.callback(release, lock)
        return lock is not None


@dataclass
class Scratch:
    """A folder of this process below `root`, for unfinished files. The folder of a killed process
    is removed by the next process that starts.
    """

    root: Path
    _folder: Path | None = None
    _lock: FileLock | None = None
    _owner: int = 0  # process id: a forked child opens another folder
    _opening: threading.Lock = field(default_factory=threading.Lock)  # loggers write, too

    def new_path(self, name: str) -> Path:
        """An unused path in the folder, which is created on first use."""
        with self._opening:
            if self._folder is None or self._owner != os.getpid():
                self._open()
        assert self._folder is not None
        return self._folder / f"{name}-{uuid.uuid4().hex[:8]}"

    @contextmanager
    def replacing(self, file: Path) -> Iterator[Path]:
        """A path to write to; what was written replaces `file`, unless the block fails."""
        path = self.new_path(file.name)
        try:
            yield path
            os.replace(path, file)
        finally:
            with suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Remove the folder of this process, and `root` where it is empty then."""
        if self._folder is not None and self._lock is not None and self._owner == os.getpid():
            shutil.rmtree(self._folder, ignore_errors=True)
            release(self._lock)
            self._remove_root()
        self._folder = self._lock = None

    def sweep(self) -> None:
        """Remove the folders of dead processes."""
        for path in self.root.glob("*.lock"):
            if (lock := take(path)) is not None:
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                release(lock)
        for folder in self.root.glob("*/"):
            if not folder.with_name(f"{folder.name}.lock").exists():
                shutil.rmtree(folder, ignore_errors=True)
        self._remove_root()

    def _remove_root(self) -> None:
        with suppress(OSError):  # others use it, or it does not exist
            self.root.rmdir()

    def _open(self) -> None:
        lock = None
        while lock is None:  # a sweep may hold a new lock, or remove the root: try another name
            self.root.mkdir(parents=True, exist_ok=True)
            name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
            with suppress(FileNotFoundError):
                lock = take(self.root / f"{name}.lock")
        folder = self.root / name
        try:
            folder.mkdir()
        except OSError:  # the next try makes another
            release(lock)
            raise
        self._lock, self._owner, self._folder = lock, os.getpid(), folder
