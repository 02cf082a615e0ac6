"""`ids retry`: failed edits once more, with the settings of their run."""

from pathlib import Path

import pytest
from conftest import InProcess
from status_tools import FAST, SWEEP, counts, fail, keys_of, run

from ids.results.status import read_status
from ids.run import Experiment, Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    return Store(tmp_path / "outputs")


def test_a_setting_that_an_error_ended_is_shown(
    store: Store, in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_executor(*_: object) -> None:
        raise RuntimeError("no such kernel")

    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "executor", no_executor)
        assert run(*FAST, "method=dds").failed
    (one,) = read_status(store)
    assert one.counts["left"] == 2
    (failure,) = one.failures
    assert (failure.case, failure.kind, failure.reason) == ("", "RuntimeError", "no such kernel")
    assert Path(failure.traceback).read_text().endswith("no such kernel\n")
    status, _, err = in_process("status")
    assert status == 1
    assert "dds: it ended with RuntimeError: no such kernel" in err
    assert in_process("retry")[0] == 0
    assert counts(store) == {"dds": {"done": 2}}
    assert in_process("status")[0] == 0


def test_retry_repeats_failed_edits_alone(store: Store, in_process: InProcess) -> None:
    run(*SWEEP, "force=true")
    keys = keys_of(store, "dds")
    fail(store, keys[0], "expected finite latents")
    made = {key: store.look(key).record.made for key in keys[1:]}  # type: ignore[union-attr]
    assert counts(store)["dds"] == {"done": 3, "failed": 1}
    assert in_process("retry", "--method", "sds")[0] == 0  # none of it failed
    assert counts(store)["dds"] == {"done": 3, "failed": 1}
    status, _, err = in_process("retry", "--output-dir", "outputs", "launch.minutes=2.5")
    assert status == 0, err
    assert counts(store) == {"sds": {"done": 4}, "dds": {"done": 4}}
    assert {key: store.look(key).record.made for key in made} == made  # type: ignore[union-attr]
    config = max(store.root.glob("runs/*")) / "0" / "config"
    assert "method=dds\n" in (config / "overrides.yaml").read_text()
    assert "minutes: 2.5" in (config / "config.yaml").read_text()
    assert in_process("retry")[1] == "outputs: no failed edits\n"


def test_edits_that_are_left_are_named_where_none_failed(
    store: Store, in_process: InProcess
) -> None:
    run(*SWEEP)
    store.remove(keys_of(store, "dds")[0])
    left = "1 edit left by no running command: give the command again"
    assert in_process("retry")[1].splitlines() == ["outputs: no failed edits", left]


@pytest.mark.parametrize("word", ["method=ids", "engine.batch_size=1", "launchx=1"])
def test_retry_takes_launcher_options_alone(in_process: InProcess, store: Store, word: str) -> None:
    store.root.mkdir()
    status, _, err = in_process("retry", word)
    assert status == 2
    assert f"{word}: expected launch=... or launch.key=value" in err


def test_retry_of_a_store_that_was_moved_names_the_remedy(
    store: Store, in_process: InProcess, tmp_path: Path
) -> None:
    run(*FAST, "method=dds")
    fail(store, keys_of(store, "dds")[0], "expected finite latents")
    store.root.rename(tmp_path / "moved")
    assert in_process("status", "--output-dir", "moved")[0] == 1
    status, _, err = in_process("retry", "--output-dir", "moved")
    assert status == 2
    assert "give its command again with retry_failed=true output_dir=" in err
    assert len(err.splitlines()) == 1
