"""Claims: one holder at a time, nothing left behind, and no waiting for the dead."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ids.run.claims import Claims, Scratch, release, take

HOLD = (
    "import sys, time, pathlib\n"
    "from ids.run.claims import Claims, Scratch\n"
    "root = pathlib.Path(sys.argv[1])\n"
    "scratch = Scratch(root / 'partial')\n"
    "place = scratch.new_path('x')\n"
    "place.write_text('half')\n"
    "for _ in Claims(root / 'claims').batches(['a', 'b'], 2, str, lambda item: False):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)\n"
)


@pytest.fixture
def holder(tmp_path: Path) -> "subprocess.Popen[str]":
    """A process that holds the claims a and b, and has something unfinished."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_what_another_holds_comes_last_and_is_made_by_whoever_is_left(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    claims, seen = Claims(tmp_path / "claims"), []
    for batch in claims.batches(["a", "c", "b", "d"], 4, str, lambda item: False):
        seen.append(batch)
        if len(seen) == 1:
            holder.send_signal(signal.SIGKILL)
            holder.wait()
    assert seen == [["c", "d"], ["a", "b"]]
    assert list((tmp_path / "claims").iterdir()) == []


def test_what_is_done_meanwhile_is_not_made_again(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    finished: set[str] = set()
    batches = Claims(tmp_path / "claims").batches(["a", "c"], 2, str, finished.__contains__)
    assert next(batches) == ["c"]
    finished |= {"a", "c"}
    assert list(batches) == []
    holder.kill()


def test_the_living_are_not_swept_and_the_dead_are(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    claims, scratch = Claims(tmp_path / "claims"), Scratch(tmp_path / "partial")
    for _ in range(2):
        claims.sweep()
        scratch.sweep()
    assert len(list((tmp_path / "claims").iterdir())) == 2
    assert len(list((tmp_path / "partial").glob("*/x-*"))) == 1
    holder.kill()
    holder.wait()
    claims.sweep()
    scratch.sweep()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_one_key_twice_in_one_process_is_taken_in_turn(tmp_path: Path) -> None:
    """Two cases may share an edit: the second finds it made."""
    made: set[str] = set()
    for batch in Claims(tmp_path).batches(["a", "a", "b"], 3, str, made.__contains__):
        assert len(batch) == len(set(batch))
        made |= set(batch)
    assert made == {"a", "b"}


def test_a_claim_goes_when_its_holder_fails(tmp_path: Path) -> None:
    def fail() -> None:
        for _ in Claims(tmp_path).batches(["a"], 1, str, lambda item: False):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    lock = take(tmp_path / "a.lock")
    assert lock is not None
    release(lock)


def test_waiting_for_a_lock_ends_with_its_holder(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    began = time.monotonic()
    holder.kill()
    with Claims(tmp_path / "claims").wait("a"):
        assert time.monotonic() - began < 30
