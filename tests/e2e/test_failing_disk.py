"""A disk that fails in mid-sweep: no damaged result, one line with the remedy, and the same command
completes it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cluster_tools import start, wait_for
from conftest import ENVIRONMENT, ROOT, Ids
from mounting import mount
from whole_store import content, leftovers

from ids.results.shelf import faults

WORDS = ["debug=fast", "method=dds", "method.n_steps=2", "controls=none", "logger=none"]
WORDS += ["engine.batch_size=1", "~metrics.ssim", "~metrics.ssim_background"]
SURE = 56  # writes, at least
WRITES = 80


def tried(folder: Path, *tries: dict[str, object]) -> list[dict[str, Any]]:
    """What a run without a fault leaves, then what each fault leads to."""
    request = [{"folder": str(folder / str(n))} | fault for n, fault in enumerate(tries)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "failing_disk.py"), json.dumps([WORDS, request])],
        cwd=folder,
        env=os.environ | ENVIRONMENT | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


FULL = "StorageError: outputs: expected a disk that takes files; it is full; free some space, "
READ_ONLY = FULL.replace("full; free some space", "read-only; make it writable")
AGAIN = "then give the same command again"
LINES = {"ENOSPC": FULL + AGAIN, "EROFS": READ_ONLY + AGAIN, "EIO": ""}


def check_all(folder: Path, *chosen: dict[str, object]) -> None:
    """Each fault ends the command as it should, and the same command completes it."""
    whole, *tries = tried(folder, *chosen)
    assert len(whole["content"]) == 2
    for fault, found in zip(chosen, tries, strict=True):
        if fault.get("at") == WRITES:
            assert found["first"] == ""
        elif int(str(fault.get("at", 0))) > SURE:
            assert found["first"] in ("", LINES[str(fault["error"])]), fault
        elif "limit" in fault:
            assert "File too large" in found["first"]
        else:
            assert found["first"] == LINES[str(fault["error"])], fault
        assert found["faults"] == [], fault
        assert (found["error"], found["left"]) == ("", 0), fault
        assert found["content"] == whole["content"], fault


def fault_at(kind: str, at: int) -> dict[str, object]:
    """A full and a read-only disk stay so; another error passes."""
    return {"error": kind, "at": at, "once": kind == "EIO"}


@pytest.mark.slow
def test_some_writes_fail(tmp_path: Path) -> None:
    """Or leave a part of a file, at a limit of its size."""
    chosen = [fault_at(kind, at) for n, kind in enumerate(LINES) for at in range(4 + n, 60, 17)]
    chosen.append(fault_at("EIO", 11))  # the folder of unfinished files
    check_all(tmp_path, *chosen, *({"limit": size} for size in (50, 700, 2500)))


@pytest.mark.slow
def test_any_write_fails(tmp_path: Path) -> None:
    check_all(tmp_path, *(fault_at(kind, at) for kind in LINES for at in range(1, WRITES + 1)))


LONGER = ["run", "-m", *WORDS, "limit=12", "output_dir=disk/outputs"]


def lines_of(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("ids: ")]


def test_a_full_disk_in_mid_sweep(ids: Ids, small_disk: Path) -> None:
    done = ids(*LONGER)
    assert done.returncode == 1, done.stderr
    assert lines_of(done) == ["ids: " + LINES["ENOSPC"].replace("outputs", "disk/outputs")]
    store = ids.store("disk/outputs")
    assert 0 < len(list(store.all_keys())) < 12
    assert [line for line in faults(store) if "left behind" not in line] == []
    assert mount("-o", "remount,size=64m", str(small_disk))
    assert ids(*LONGER).returncode == 0
    assert {status for status, *_ in content(store).values()} == {"ok"}
    assert (len(content(store)), leftovers(store)) == (12, [])


@pytest.mark.slow
def test_a_disk_gets_read_only_in_mid_sweep(ids: Ids, small_disk: Path) -> None:
    """As one does whose device has errors."""
    assert mount("-o", "remount,size=64m", str(small_disk))
    store = ids.store("disk/outputs")
    slower = [word.replace("n_steps=2", "n_steps=200") for word in LONGER]
    running = start(ids.folder, *slower)
    wait_for(lambda: sum(1 for _ in store.all_keys()) >= 2 or running.poll() is not None)
    place = str(small_disk)
    assert mount("--bind", place, place)  # through this one nothing is open for writing
    wait_for(lambda: mount("-o", "remount,bind,ro", place))  # refused while a file is written
    _, errors = running.communicate(timeout=100)
    subprocess.run(["umount", place], check=True)
    assert running.returncode == 1, errors
    assert errors.splitlines()[-1] == "ids: " + LINES["EROFS"].replace("outputs", "disk/outputs")
    assert 2 <= len(content(store)) < 12
    assert ids(*slower).returncode == 0
    assert (len(content(store)), leftovers(store)) == (12, [])
