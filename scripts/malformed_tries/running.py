"""Tries in parallel, each in a separate process and folder, with a time limit."""

import json
import logging
import os
import select
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from malformed_tries.place import Place
from malformed_tries.trying import Outcome, Try, judge


@dataclass(frozen=True)
class Running:
    trial: Try
    child: int
    answer: int  # of a pipe
    folder: Path
    start: float


def outcomes(tries: Sequence[Try], n_jobs: int) -> Iterator[tuple[Try, Outcome]]:
    """Each try and its outcome, in the order in which they end."""
    waiting, running = list(reversed(tries)), list[Running]()
    try:
        while waiting or running:
            while waiting and len(running) < n_jobs:
                running.append(_start(waiting.pop()))
            select.select([one.answer for one in running], [], [], 0.5)
            for one in list(running):
                outcome = _ended(one)
                if outcome is not None:
                    running.remove(one)
                    yield one.trial, outcome
    finally:
        for one in running:
            _stop(one)


def _start(trial: Try) -> Running:
    folder = Path(tempfile.mkdtemp(prefix="malformed-"))
    answer, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(answer)
        _answer(trial, folder, write)
    os.close(write)
    return Running(trial, child, answer, folder, time.monotonic())


def _answer(trial: Try, folder: Path, write: int) -> NoReturn:
    os.setpgid(0, 0)  # its children are killed with it
    os.chdir(folder)
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = str(folder)
    logging.disable()  # the output of the command is read from its process
    try:
        place = Place(folder / "here")
        place.folder.mkdir()
        outcome = judge(trial, place)
    except BaseException as error:  # a fault of the try itself
        trace = "".join(traceback.format_exception(error)[-2:]).replace("\n", " / ")
        outcome = Outcome("unexpected", f"the try itself: {trace}")
    os.write(write, json.dumps([outcome.verdict, outcome.message[:2000]]).encode())
    os._exit(0)


def _ended(one: Running) -> Outcome | None:
    seconds = time.monotonic() - one.start
    ready, _, _ = select.select([one.answer], [], [], 0)
    if not ready and seconds < one.trial.seconds:
        return None
    sent = os.read(one.answer, 1 << 16) if ready else b""
    _stop(one)
    if not ready:
        return Outcome("hang", f"no answer in {one.trial.seconds:g} seconds", seconds)
    if not sent:
        return Outcome("unexpected", "the try itself died", seconds)
    verdict, message = json.loads(sent)
    return Outcome(verdict, message, seconds)


def _stop(one: Running) -> None:
    for end in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            end(one.child, signal.SIGKILL)
    os.waitpid(one.child, 0)
    os.close(one.answer)
    for path in one.folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(one.folder, ignore_errors=True)
