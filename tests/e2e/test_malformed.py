"""The program that tries malformed input: one kind passes, and planted faults are reported."""

import subprocess
import sys

import pytest
from conftest import ROOT

PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
import malformed
from malformed_tries import tables
from malformed_tries.trying import Refused, Try

def tries(kind):
    return [t for t in malformed.TRIES if t.kind == kind and t.name in NAMES]

def crash():
    import ids.data.tables
    ids.data.tables._header = lambda *_: 1 / 0

def hang():
    import signal
    signal.pause()

def other():
    import ids.data.folder
    exact = ids.data.folder.checked_prompt
    ids.data.folder.checked_prompt = lambda text, where: exact(text, where).strip()

def write():
    open("left.txt", "w").close()

NAMES = ("tabs", "quotes", "blanks around", "a date")
found = tries("csv")
print(malformed.report(found, 2, verbose=True))
setup = tables.table(tables.HEAD + "a.png,a\\n")
taken = tables.table(tables.HEAD + "a.png,a,b\\n")
from dataclasses import replace
(blank,) = [t for t in found if t.name == "blanks around"]
planted = [
    Try("planted", "crash", tables.RUN, Refused("cells"), setup, crash),
    Try("planted", "hang", tables.RUN, Refused("cells"), setup, hang, seconds=1),
    Try("planted", "taken", tables.RUN, Refused("cells"), taken),
    Try("planted", "other words", tables.RUN, Refused("colours"), setup),
    Try("planted", "left", tables.RUN, Refused("cells"), setup, write),
    replace(blank, kind="planted", name="another prompt", first=other),
]
print(malformed.report(planted, 2, verbose=False))
"""


pytestmark = pytest.mark.slow  # a minute of processes


@pytest.fixture(scope="module")
def report() -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_tables_pass(report: list[str]) -> None:
    passed = report[: report.index("0")]
    assert "csv                        1           3           0           0           0" in passed


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("crash", "unexpected"),
        ("hang", "hang"),
        ("taken", "wrong"),
        ("other words", "unexpected"),
        ("left", "wrong"),
        ("another prompt", "wrong"),
    ],
)
def test_planted_faults_are_reported(report: list[str], name: str, verdict: str) -> None:
    assert report[-1] == "1"
    assert any(line.startswith(f"{verdict}: planted: {name}: ") for line in report)
