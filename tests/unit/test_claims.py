"""Claims: one holder at a time, no leftovers, no waiting for dead processes."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ids.core.claims import Claims, Scratch, release, take

HOLD = (
    "import sys, time, pathlib\n"
    "from ids.core.claims import Claims, Scratch\n"
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
    """A process that holds the claims a and b, and has an unfinished file."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_claimed_items_come_last_and_are_taken_over_from_a_dead_process(
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


def test_items_that_another_process_finishes_are_skipped(
    tmp_path: Path, holder: "subprocess.Popen[str]", caplog: pytest.LogCaptureFixture
) -> None:
    """And waiting for them is mentioned once, however many batches wait."""
    claims = Claims(tmp_path / "claims")
    for _ in range(2):
        finished: set[str] = set()
        batches = claims.batches(["a", "c"], 2, str, finished.__contains__)
        assert next(batches) == ["c"]
        late = threading.Timer(0.1, finished.add, "a")
        late.start()
        assert list(batches) == []
    assert caplog.text.count("waiting for results of other processes") == 1
    holder.kill()


def test_only_dead_processes_are_cleaned_up(
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
    """Two cases may share an edit: the second finds it finished."""
    finished: set[str] = set()
    for batch in Claims(tmp_path).batches(["a", "a", "b"], 3, str, finished.__contains__):
        assert len(batch) == len(set(batch))
        finished |= set(batch)
    assert finished == {"a", "b"}


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
    holder.kill()
    with Claims(tmp_path / "claims").wait("a"):
        assert holder.wait() == -signal.SIGKILL
