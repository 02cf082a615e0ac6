"""A logger in a thread of its own: one that is slow, hangs or fails costs no edit any time."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

import torch

from ids.core.errors import IdsError
from ids.core.logs import Logger
from ids.track.feed import Feed
from ids.track.tracked import Name

log = logging.getLogger(__name__)
AFTER = "edits go on, and `ids log` sends what it lacks"


@dataclass
class Sender:
    """Hands a logger what its feeds have, at its pace. Only `open` and `close` wait, for a bounded
    time. Of edits that end while `pace.queue` of them wait, nothing is sent before their setting is
    complete: the store has them.
    """

    logger: Logger
    _inbox: "SimpleQueue[Callable[[], None] | None]" = field(default_factory=SimpleQueue)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: int = 0  # edits
    _thread: threading.Thread | None = None
    _stopped: bool = False
    _warned: set[str] = field(default_factory=set)
    # Of the thread alone:
    _pending: dict[int, tuple[Feed, dict[Name, bool]]] = field(default_factory=dict)
    _sent_at: dict[int, float] = field(default_factory=dict)
    _open: dict[int, Feed] = field(default_factory=dict)
    _broken: set[int] = field(default_factory=set)

    def open(self, feed: Feed) -> None:
        """Open a run before the first edit. Raises the `IdsError` of the logger."""
        answer: Future[object] = Future()

        def opened() -> None:
            try:
                self._open[id(feed)] = feed
                answer.set_result(feed.open())
            except BaseException as error:  # raised where it is waited for
                self._broken.add(id(feed))
                answer.set_exception(error)

        self._put(opened)
        try:
            answer.result(2 * self.logger.pace.wait + 1)  # it has a limit of its own
        except (TimeoutError, Late):
            self._warn("late", f"no answer within {2 * self.logger.pace.wait:g} s; {AFTER}")
        except IdsError:
            raise
        except Exception as error:
            self._warn("broken", f"{_first_line(error)}; {AFTER}")

    def began(self, feed: Feed) -> None:
        """The first edit of a setting is under way."""
        self._put(lambda: self._try(feed, feed.open))

    def ended(self, feed: Feed, rows: Mapping[Name, bool]) -> None:
        """Edits have ended, with a result (True) or without."""
        with self._lock:
            full = self._waiting and self._waiting + len(rows) > self.logger.pace.queue
            self._waiting += 0 if full else len(rows)
        if full:
            self._warn("full", f"{self._waiting} edits wait for it; more are sent at the end")
            return
        self._put(lambda: self._pending.setdefault(id(feed), (feed, {}))[1].update(rows))

    def finished(self, feed: Feed) -> None:
        """All edits of a setting have ended."""

        def complete() -> None:
            self._flush(feed)
            self._try(feed, feed.complete)
            self._open.pop(id(feed), None)

        self._put(complete)

    def close(self, wait: float) -> None:
        """Send what is left and close all runs, within so many seconds."""
        if self._thread is None:
            return
        self._inbox.put(None)
        self._thread.join(wait)
        if self._thread.is_alive():
            self._warn("end", f"not done {wait:g} s after the last edit; `ids log` sends the rest")
        self._stopped = True

    def _put(self, action: Callable[[], None]) -> None:
        self._inbox.put(action)
        if self._thread is None:
            name = f"log {type(self.logger).__name__}"
            self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
            self._thread.start()

    def _loop(self) -> None:
        # Of this thread alone. With a team of its own, OpenMP would have more threads than cores,
        # and those that edit would sleep at every barrier instead of spinning: 1.5 times the time.
        torch.set_num_threads(1)
        while not self._stopped:
            with suppress(Empty):
                action = self._inbox.get(timeout=self._until_due())
                if action is None:
                    break
                action()
            for feed, _ in list(self._pending.values()):
                if self._due(feed) <= time.monotonic():
                    self._flush(feed)
        for feed, _ in list(self._pending.values()):
            self._flush(feed)
        for feed in list(self._open.values()):
            self._close(feed)

    def _flush(self, feed: Feed) -> None:
        """Log the edits of a setting that have ended since the last time."""
        _, rows = self._pending.pop(id(feed), (feed, {}))
        if rows:
            self._try(feed, lambda: feed.rows(rows))
            self._sent_at[id(feed)] = time.monotonic()
            with self._lock:
                self._waiting -= len(rows)

    def _due(self, feed: Feed) -> float:
        return self._sent_at.get(id(feed), 0.0) + self.logger.pace.every

    def _until_due(self) -> float | None:
        due = [self._due(feed) for feed, _ in self._pending.values()]
        return max(min(due) - time.monotonic(), 0.0) if due else None

    def _try(self, feed: Feed, action: Callable[[], object]) -> None:
        if id(feed) in self._broken or self._stopped:
            return
        self._open[id(feed)] = feed
        try:
            action()
        except Exception as error:  # whatever a tracker raises
            self._broken.add(id(feed))
            self._warn("broken", f"{_first_line(error)}; {AFTER}")
            self._close(feed)

    def _close(self, feed: Feed) -> None:
        """Close a run, and leave the setting to other processes."""
        self._open.pop(id(feed), None)
        with suppress(Exception):  # it was mentioned
            feed.close()

    def _warn(self, kind: str, text: str) -> None:
        """A warning, once of each kind; none from a thread that was given up."""
        if kind not in self._warned and not self._stopped:
            self._warned.add(kind)
            log.warning("%s: %s", type(self.logger).__name__, text)


def _first_line(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [""])[0][:300]
    return line if isinstance(error, IdsError) else f"{type(error).__name__}: {line}"
