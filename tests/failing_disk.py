"""A sweep on a disk that fails at one write: forks of a process that has built its experiment, each
followed by a second one on a disk that works. Prints what each try found as JSON, after what a run
without any fault leaves.
"""

import errno
import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fork_imports

CHANGES = ("os.mkdir", "os.rename", "os.link", "os.utime")
REMOVALS = ("os.remove", "os.rmdir")


def main(words: list[str], tries: list[dict[str, Any]]) -> None:
    """A try has a `folder`, and an `error` of every write from number `at` on, or `once`; or a
    `limit` of bytes per file.
    """
    from ids.config.build import build_experiment
    from ids.config.compose import compose_all
    from ids.core import storage

    storage.BACK_OFF = (0.0,) * 3
    (setting,) = compose_all(words)
    whole = _found(_run(build_experiment(setting)))  # the first run imports what forks then have
    experiment = build_experiment(setting)
    print(json.dumps([whole, *(_tried(experiment, **one) for one in tries)]))


def _tried(experiment: Any, folder: str, **fault: Any) -> dict[str, Any]:
    from ids.results.shelf import faults
    from ids.run import Store

    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    first = _forked(experiment, lambda: _break(**fault))
    damaged = [line for line in faults(Store(Path("outputs"))) if "left behind" not in line]
    second = _forked(experiment, lambda: None)
    return _found(second) | {"first": first, "faults": damaged}


def _found(error: str) -> dict[str, Any]:
    """What is in the store after a run without a fault."""
    from whole_store import content, leftovers

    from ids.run import Store

    store = Store(Path("outputs"))
    edits = [[key, str(s), hash(png), n] for key, (s, png, n) in content(store).items()]
    return {"error": error, "left": len(leftovers(store)), "content": edits}


def _forked(experiment: Any, prepare: Callable[[], None]) -> str:
    """Run it in a child; the line of its error, empty where none ended it."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        fork_imports.redirect("out", "err", append=True)
        prepare()
        os.write(writer, _run(experiment).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    return answer


def _run(experiment: Any) -> str:
    """The line of the error that ends it, or the reasons of failed rows."""
    from ids.core.errors import IdsError
    from ids.core.unexpected import line, unexpected

    try:
        failed = [o.reason for o in experiment.run(Path(f"run{os.getpid()}")) if o.status != "ok"]
        return "; ".join(failed)
    except Exception as error:
        return line(error if isinstance(error, IdsError) else unexpected(error))


def _break(
    error: str = "", at: int = 0, once: bool = False, limit: int | None = None, **_: object
) -> None:
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if error:
        number, count = getattr(errno, error), 0

        def hook(event: str, args: tuple[Any, ...]) -> None:
            nonlocal count
            if not _writes(event, args, removals=error == "EROFS"):
                return
            count += 1
            if count == at or (count > at and not once):
                raise OSError(number, os.strerror(number), os.fsdecode(args[0]))

        sys.addaudithook(hook)


def _writes(event: str, args: tuple[Any, ...], removals: bool) -> bool:
    """Does this event of the interpreter change a file of the store?"""
    if event == "open":
        if not args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return False
    elif event not in CHANGES + REMOVALS * removals:
        return False
    return isinstance(args[0], str | bytes) and "outputs/" in os.fsdecode(args[0])


if __name__ == "__main__":
    fork_imports.load()
    main(*json.loads(sys.argv[1]))
