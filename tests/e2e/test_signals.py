"""A command that is stopped by a signal: its exit status and one line, at any moment."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ENVIRONMENT, Ids

PROGRAM = """
import importlib, os, signal, sys, time
from ids.cli import main

def send_signal(*_, **__):
    os.kill(os.getpid(), {number})
    time.sleep(20)

class Importing:
    def find_spec(self, name, *_):
        if name == {place!r}:
            try:
                send_signal()
            except BaseException as error:
                raise ImportError("as compiled modules do") from error

if ":" in {place!r}:
    module, _, name = {place!r}.partition(":")
    owner = importlib.import_module(module)
    *parents, name = name.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    setattr(owner, name, send_signal)
else:
    sys.meta_path.insert(0, Importing())
# Under nohup it would be ignored.
signal.signal({number}, signal.default_int_handler if {number} == signal.SIGINT else signal.SIG_DFL)
main({words!r})
"""
FAST = ("debug=fast", "controls=none", "method=dds", "method.n_steps=2")
STOPPED = "ids: stopped; finished edits are kept, and the same command continues from there\n"


def stopped(folder: Path, place: str, number: int, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, stopped where it calls `place` or imports it."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(place=place, number=int(number), words=list(words))],
        cwd=folder,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("place", "number", "status"),
    [
        ("torch", signal.SIGINT, 130),
        ("ids.config.options:compose", signal.SIGTERM, 143),
        ("ids.config.compose:check", signal.SIGHUP, 129),
        ("ids.run.edit:BatchEditor._edited", signal.SIGTERM, 143),
        pytest.param("ids.run.experiment:Evaluation", signal.SIGHUP, 129, marks=pytest.mark.slow),
        pytest.param("ids.report.summary:report", signal.SIGINT, 130, marks=pytest.mark.slow),
    ],
)
def test_a_stop_is_one_line_in_every_phase(
    tmp_path: Path, place: str, number: int, status: int
) -> None:
    done = stopped(tmp_path, place, number, "run", *FAST)
    assert done.returncode == status, done.stderr
    assert done.stderr.endswith(STOPPED)
    assert "Traceback" not in done.stderr
    assert "unexpected" not in done.stderr


def test_a_command_without_edits_promises_none(tmp_path: Path) -> None:
    words = ("data", "check", "shapes", "limit=1")
    done = stopped(tmp_path, "ids.config.options:compose", signal.SIGINT, *words)
    assert (done.returncode, done.stderr) == (130, "ids: stopped\n")


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from ids.cli.stopping import stopping\n"
        "try:\n"
        "    with stopping(): os.kill(os.getpid(), signal.SIGTERM)\n"
        "except KeyboardInterrupt:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    print('still here')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 130
    assert not done.stdout + done.stderr


def test_signals_that_are_to_be_ignored_are(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from ids.cli.stopping import stopping\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with stopping(): os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('still here')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.stdout == b"still here\n"


def test_a_reader_that_has_gone_is_no_error(ids: Ids) -> None:
    assert ids("run", *FAST).returncode == 0
    command = f"{sys.executable} -m ids.cli table | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=ids.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 141
    assert not done.stderr
