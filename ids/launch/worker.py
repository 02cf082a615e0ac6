"""A worker process: `python -m ids.launch.worker PLAN LOG`.

Units come as lines on standard input, reports go as lines to standard output; what libraries print
goes to the log. Where standard input ends, so does the process: its parent has gone.
"""

import os
import queue
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from ids.launch.remote import open_worker
from ids.run.unit import Ready, Report, UnitEnd, decode_unit, encode


def main(statement: str, log: str) -> None:
    """Do the units of standard input until it ends."""
    out = _separate_output(Path(log))
    lock = threading.Lock()

    def report(one: Report) -> None:
        with lock:
            out.write(encode(one))

    signal.signal(signal.SIGTERM, _stop)
    lines, busy = queue.SimpleQueue[bytes](), threading.Event()
    threading.Thread(target=_read, args=(lines, busy), daemon=True).start()
    remote = open_worker(Path(statement), report)
    worker = remote.worker()
    report(Ready())
    try:
        while line := lines.get():
            busy.set()
            unit = decode_unit(line)
            worker(unit)
            busy.clear()  # from now on the parent may end the input
            report(UnitEnd(unit.number))
    except KeyboardInterrupt:
        pass
    finally:
        remote.close()


def _separate_output(log: Path) -> BinaryIO:
    """Standard output for reports alone; what is printed goes to the log."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    return out


def _read(lines: "queue.SimpleQueue[bytes]", busy: threading.Event) -> None:
    for line in os.fdopen(os.dup(0), "rb"):  # Python aborts if a thread reads stdin as it ends
        lines.put(line)
    if busy.is_set():
        os._exit(1)  # the kernel releases its claims
    lines.put(b"")


def _stop(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(*sys.argv[1:])
