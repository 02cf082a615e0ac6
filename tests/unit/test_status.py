"""`ids status`: every edit is in one state, whatever else happens to the store."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import InProcess
from photo_folder import write_photos
from status_tools import FAST, SWEEP, counts, fail, keys_of, run

from ids.core import claims as claims_module
from ids.core.claims import Claims
from ids.core.unexpected import parts_of, unexpected
from ids.results.status import SettingStatus, read_status, runs_without_plan
from ids.run import Store
from ids.run.sweep import DIED, Sweep

HOLD = (
    "import sys, pathlib\n"
    "from ids.core.claims import Claims\n"
    "with Claims(pathlib.Path(sys.argv[1])).held(sys.argv[2]) as held:\n"
    "    print(held, flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "outputs")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a finished sweep with controls."""
    folder = tmp_path_factory.mktemp("finished") / "outputs"
    words = ("debug=fast", "method=sds,dds", "method.n_steps=2", "seeds=[0,1]")
    run(*words, "logger=none", f"output_dir={folder}")
    return folder


@pytest.fixture
def copied(store: Store, finished: Path) -> Store:
    shutil.copytree(finished, store.root)
    return store


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tree(root: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in root.rglob("*")}


@pytest.fixture
def held(copied: Store) -> Iterator["subprocess.Popen[str]"]:
    """A finished sweep, of which another process holds the claim of one edit."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(copied.claims.root), keys_of(copied, "dds")[0]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.wait()


def test_a_finished_sweep_is_complete(copied: Store, in_process: InProcess) -> None:
    assert counts(copied) == {
        "null_edit": {"done": 2},  # once, although both settings have it
        "true_edit": {"done": 2},
        "sds": {"done": 4},
        "dds": {"done": 4},
    }
    status, out, _ = in_process("status")
    assert status == 0
    assert out.splitlines()[-1].split() == ["all", "12", "0", "0", "0", "-"]


def test_left_edits_of_a_killed_run_are_counted_and_their_time_is_estimated(
    store: Store, in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(sweep: Sweep, report: Any) -> None:
        kept(sweep, report)
        if sweep.experiments[0].store.present():
            raise KeyboardInterrupt

    kept = Sweep.report
    with monkeypatch.context() as patch:
        patch.setattr(Sweep, "report", killed)
        with pytest.raises(KeyboardInterrupt):
            run(*SWEEP, "engine.batch_size=1")
    assert counts(store) == {"sds": {"done": 1, "left": 3}, "dds": {"left": 4}}
    one, other = read_status(store)
    (record,) = store.numbers.measurements().values()
    assert one.seconds == pytest.approx(3 * record.seconds)
    assert other.seconds is not None  # by the rate of the backbone
    assert (one.alive, one.workers) == (False, 1)
    status, out, _ = in_process("status")
    assert status == 1
    assert "7 edits left by no running command: give the command again" in out
    run(*SWEEP)
    assert counts(store) == {"sds": {"done": 4}, "dds": {"done": 4}}  # the newest run counts
    assert in_process("status")[0] == 0


def test_a_claim_of_another_process_is_running_and_is_not_disturbed(
    store: Store, held: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_module, "NEW", 0.0)
    key = keys_of(store, "dds")[0]
    assert counts(store)["dds"] == {"done": 4}  # judged again, say
    next(store.folder(key).glob("metrics-*.json")).unlink()
    before = tree(store.root)
    assert counts(store)["dds"] == {"done": 3, "running": 1}
    assert read_status(store)[-1].alive
    assert tree(store.root) == before
    with Claims(store.claims.root).held(key) as ours:
        assert not ours
    held.kill()
    held.wait()
    assert (store.claims.root / f"{key}.lock").exists()  # of a dead process
    assert counts(store)["dds"] == {"done": 3, "left": 1}


def test_a_lock_file_that_was_just_created_is_not_touched(store: Store) -> None:
    """Its process is about to lock it."""
    store.claims.root.mkdir(parents=True)
    path = store.claims.root / "key.lock"
    path.touch()
    assert store.claims.under_way() == {"key"}
    os.utime(path, (time.time() - 60,) * 2)
    assert store.claims.under_way() == set()


def test_a_command_at_work_is_alive_with_all_its_workers(
    store: Store, in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[SettingStatus] = []

    def watched(sweep: Sweep, report: Any) -> None:
        if not seen:
            seen.extend(read_status(store))
        kept(sweep, report)

    kept = Sweep.report
    monkeypatch.setattr(Sweep, "report", watched)
    run(*(word.replace("controls=none", "controls=standard") for word in SWEEP))
    controls = [(True, 1, 2)] * 2  # of both settings, of one command
    assert [(s.alive, s.workers, s.unfinished) for s in seen] == [*controls, *[(True, 1, 4)] * 2]
    assert not any(one.alive for one in read_status(store))


def test_failures_have_case_kind_reason_and_traceback(
    copied: Store, in_process: InProcess, tmp_path: Path
) -> None:
    known = unexpected(ValueError("a bad\nrow"), tmp_path / "folder; odd")
    file = str(tmp_path / "folder; odd" / "traceback.txt")
    assert parts_of(str(known)) == ("ValueError", "a bad", file)
    reasons = [str(known), DIED, "expected finite latents; NaN in step 3", "prompt: too long"]
    for key, reason in zip(keys_of(copied, "dds"), reasons, strict=True):
        fail(copied, key, reason)
    found = read_status(copied)[-1].failures
    assert [f.kind for f in found] == ["ValueError", "died", "nan", "data"]
    assert [f.traceback for f in found] == [file, "", "", ""]
    assert [f.seed for f in found] == [0, 1, 0, 1]
    status, out, _ = in_process("status", "--failed")
    assert status == 1
    assert all(f.case in out and f.reason in out for f in found)
    assert file in out
    status, out, _ = in_process("status", "--json", "--method", "dds")
    (line,) = json.loads(out)["settings"]
    assert (status, line["failed"], line["done"]) == (1, 4, 0)
    assert line["failures"][0]["kind"] == "ValueError"


def test_rows_that_cannot_be_edited_are_failed_once(store: Store, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "photos")
    (folder / "bike.png").write_bytes(b"no image")
    words = ["debug=fast", "method=dds", "method.n_steps=2", "logger=none"]
    run(*words, "dataset=folder", f"dataset.path={folder}", "limit=null")
    found = read_status(store)
    assert [one.counts["failed"] for one in found] == [0, 0, 1]
    assert [one.counts["done"] for one in found] == [2, 0, 2]
    assert found[1].counts["unsupported"] == 2  # a photo has no true edit
    (failure,) = found[-1].failures
    assert (failure.kind, "bike" in failure.case, "bike.png" in failure.reason) == (
        "data",
        True,
        True,
    )


def test_a_read_only_store(copied: Store, in_process: InProcess) -> None:
    folders = [copied.root, *(path for path in copied.root.rglob("*") if path.is_dir())]
    before = tree(copied.root)
    for path in folders:
        path.chmod(0o555)
    try:
        assert in_process("status")[0] == 0
    finally:
        for path in folders:
            path.chmod(0o755)
    assert tree(copied.root) == before


def test_settings_are_labelled_by_the_words_that_decide_their_edits(
    store: Store, in_process: InProcess
) -> None:
    run(*FAST, "method=dds")
    run(*FAST, "method=dds", "seeds=[1]", "launch.minutes=2.5")
    assert counts(store) == {"dds": {"done": 2}, "dds seeds=[1]": {"done": 2}}


def test_runs_of_an_earlier_version_and_damaged_plans_are_left_out(
    copied: Store, in_process: InProcess
) -> None:
    for path in copied.root.rglob("jobs.json"):
        path.write_text("{")
    assert read_status(copied) == []
    assert runs_without_plan(copied) == 1
    status, out, _ = in_process("status")
    assert status == 0
    assert "outputs: no such runs" in out
    assert "note: 1 run without a plan" in out


def test_no_store(in_process: InProcess) -> None:
    status, _, err = in_process("status", "--output-dir", "nowhere")
    assert status == 2
    assert "expected a folder of results; found none" in err
