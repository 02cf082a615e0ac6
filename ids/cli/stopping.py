"""Signals that ask the command to stop."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
PATIENCE = 30.0  # seconds a command has to end after the signal


class Stopped(KeyboardInterrupt):
    """A signal to stop arrived."""


@dataclass
class Stop:
    """The signal that arrived, 0 for none: libraries may have turned its exception into another."""

    number: int = 0

    @property
    def status(self) -> int:
        """The exit status by which a shell reports this signal."""
        return 128 + self.number


@contextmanager
def stopping() -> Iterator[Stop]:
    """A first signal raises `Stopped`. A second one, and any after the end, ends the process at
    once. Signals that the caller ignores stay ignored (`nohup`).
    """
    stop = Stop()
    handled = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]

    def first(number: int, _: FrameType | None) -> None:
        stop.number = number
        _leave_at_next(handled)
        late = threading.Timer(PATIENCE, os._exit, (stop.status,))
        late.daemon = True
        late.start()
        raise Stopped(number)

    for number in handled:
        signal.signal(number, first)
    try:
        yield stop
    finally:
        _leave_at_next(handled)


def _leave_at_next(handled: list[int]) -> None:
    for number in handled:
        signal.signal(number, lambda number, _: os._exit(128 + number))
