"""Who works on what: locks of the operating system, which the kernel frees when a process dies.

claims/<key>.lock               held while a result is being made or judged
partial/<process>/, .lock       where a process writes what is not finished, and that it lives
"""

import errno
import logging
import os
import shutil
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

log = logging.getLogger(__name__)
T = TypeVar("T")
POLL = 0.2  # seconds between two looks at what others have under way
UNSUPPORTED = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)


def take(path: Path) -> FileLock | None:
    """The lock of that file, held; None where another process holds it. Whoever releases a lock
    removes its file first (see `release`), so that a held file may be nobody's path any more: it
    counts only if the path still names it.
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
    """Let go of it, and leave no file."""
    with suppress(OSError):
        os.unlink(lock.lock_file)
    lock.release()


@dataclass(frozen=True)
class Claims:
    """Locks in the folder `root`, one per name. Where a file system has none, nothing is held: work
    may be done twice there, and the first complete result wins all the same.
    """

    root: Path

    @contextmanager
    def wait(self, name: str) -> Iterator[None]:
        """Hold the lock of that name, after whoever holds it now."""
        with ExitStack() as held:
            while not self._take(name, held):
                time.sleep(POLL / 10)
            yield

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Hold the lock of that name, unless another process does."""
        with ExitStack() as stack:
            yield self._take(name, stack)

    def batches(
        self,
        items: Sequence[T],
        size: int,
        key: Callable[[T], str],
        done: Callable[[T], bool],
    ) -> Iterator[list[T]]:
        """The items that are not done, up to `size` at a time, claimed while the caller has them.
        What others have under way comes last, if it is not done by then.
        """
        waiting, idle = deque(items), False
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
                if not idle:
                    log.warning("waiting for %d results of other processes", len(waiting))
                idle = True
                time.sleep(POLL)

    def sweep(self) -> None:
        """Remove the locks that dead processes left."""
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
class Workshop:
    """A folder of this process, below `root`, for files that are not finished. Whatever a killed
    process leaves in its own is swept by the next that starts.
    """

    root: Path
    _folder: Path | None = None
    _lock: FileLock | None = None
    _owner: int = 0  # a forked child has a folder of its own

    def place(self, name: str) -> Path:
        """A new path in it; nothing is there yet."""
        if self._folder is None or self._owner != os.getpid():
            self._open()
        assert self._folder is not None
        return self._folder / f"{name}-{uuid.uuid4().hex[:8]}"

    def close(self) -> None:
        """Remove it; it is made again when it is needed."""
        if self._folder is not None and self._lock is not None and self._owner == os.getpid():
            shutil.rmtree(self._folder, ignore_errors=True)
            release(self._lock)
        self._folder = self._lock = None

    def sweep(self) -> None:
        """Remove the folders of processes that are no more."""
        for path in self.root.glob("*.lock"):
            if (lock := take(path)) is not None:
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                release(lock)
        for folder in self.root.glob("*/"):
            if not folder.with_name(f"{folder.name}.lock").exists():
                shutil.rmtree(folder, ignore_errors=True)

    def _open(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        lock = None
        while lock is None:  # a sweep may hold a new one for a moment: then under another name
            name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
            lock = take(self.root / f"{name}.lock")
        self._lock, self._owner = lock, os.getpid()
        self._folder = self.root / name
        self._folder.mkdir()
