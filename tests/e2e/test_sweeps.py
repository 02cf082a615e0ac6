"""One bad setting of a sweep costs itself only, and each error is one line."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from caches import point_at
from conftest import Ids, InProcess

from ids.run import BatchEditor, Experiment, Store
from ids.run.evaluate import Evaluation
from ids.run.outcomes import read_outcomes
from ids.run.sweep import Sweep
from ids.run.unit import Report

FAST = ("debug=fast", "controls=none", "method.n_steps=2")


def errors(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith("ids: ")]


def test_a_bad_setting_is_named_and_the_others_run(ids: Ids) -> None:
    done = ids("run", "-m", *FAST, "method=dds,idz,sds")
    assert done.returncode == 2
    assert len(ids.results()) == 4
    assert "dds" in done.stdout
    first, last = errors(done.stderr)  # before the others run, and after their table
    assert "method=idz: no such choice; did you mean ids?" in first
    assert first == last
    folders = sorted((ids.folder / "outputs" / "runs").glob("*/*/outcomes.json"))
    assert [path.parent.name for path in folders] == ["0", "1"]
    config = yaml.safe_load((folders[1].parent / "config" / "config.yaml").read_text())
    assert config["method"]["n_steps"] == 2
    words = yaml.safe_load((folders[1].parent / "config" / "overrides.yaml").read_text())
    assert "method=sds" in words


def test_a_missing_data_set_is_named_before_the_others_run(
    in_process: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDS_DATA", str(tmp_path / "none"))
    words = ("run", "-m", *FAST, "method=dds", "dataset=paper_cat_to_pig,shapes")
    status, out, err = in_process(*words)
    first, *edited, last = err.splitlines()
    assert first.startswith(f"ids: DataError: {tmp_path}/none/cats: expected a folder of images; ")
    assert "put the images there, or name their folder in dataset.path" in first
    assert any("edits" in line for line in edited)
    assert last == first
    assert (status, "dds" in out) == (2, True)


def test_missing_weights_are_named_before_the_others_run(
    in_process: InProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    point_at(tmp_path / "hub", tmp_path / "torch", monkeypatch)
    known = Sweep.report

    def report(sweep: Sweep, report: Report) -> None:
        assert "lpips_alex: expected its network" in caplog.text
        known(sweep, report)

    monkeypatch.setattr(Sweep, "report", report)
    words = ("run", "-m", *FAST, "method=dds", "metrics=paper_photos,standard")
    status, out, err = in_process(*words)
    assert "lpips_alex: expected its network in" in err.splitlines()[-1]
    assert (status, "dds" in out) == (1, True)


def test_where_all_are_bad_nothing_runs(ids: Ids) -> None:
    done = ids("run", "-m", "debug=fast", "method=idz,dds", "fpr.lamda=1")
    assert done.returncode == 2
    assert len(errors(done.stderr)) == 2
    done = ids("run", "-m", "debug=fast", "method=ids,dds", "fpr.lamda=1,2")
    assert done.returncode == 2
    assert len(errors(done.stderr)) == 1
    assert not (ids.folder / "outputs").exists()


def run_out_of_memory(monkeypatch: pytest.MonkeyPatch, fails: int) -> None:
    """In this batch of the edits of 7 steps."""
    whole = BatchEditor._edited
    batches: list[int] = []

    def edited(self: BatchEditor, *given: Any) -> Any:
        batches.append(self.editor.n_ticks)
        if self.editor.n_ticks == 7 and batches.count(7) == fails:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return whole(self, *given)

    monkeypatch.setattr(BatchEditor, "_edited", edited)


def outcomes(folder: Path) -> dict[str, list[str]]:
    """Statuses of each setting by its folder's name; `runs` for a run that is no sweep."""
    found = {}
    for path in sorted(folder.glob("outputs/runs/**/outcomes.json")):
        (run,) = read_outcomes(path.parent)
        found[path.parent.name] = [line.status for line in run.outcomes]
    return found


def test_an_unexpected_error_stops_no_other_setting(
    in_process: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Experiment.evaluation

    def evaluation(experiment: Experiment) -> Evaluation:
        if experiment.method.name == "dds":
            raise TypeError("\x1b[31mno such thing")
        return whole(experiment)

    monkeypatch.setattr(Experiment, "evaluation", evaluation)
    status, out, err = in_process("run", "-m", *FAST, "method=dds,sds")
    assert status == 1
    assert "sds" in out
    (line,) = errors(err)
    (file,) = tmp_path.glob("outputs/runs/*/0/traceback.txt")
    place = file.relative_to(tmp_path)
    assert rf"unexpected TypeError: \x1b[31mno such thing; the traceback is in {place}" in line
    assert "in evaluation" in file.read_text()


def test_out_of_memory_in_one_setting_costs_its_unfinished_edits_only(
    in_process: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its finished edits are in the table, the controls are, and the other settings run."""
    words = ["run", "-m", "debug=fast", "method=dds", "method.n_steps=2,7,3", "limit=3"]
    words.append("engine.batch_size=1")
    with monkeypatch.context() as patch:
        run_out_of_memory(patch, fails=3)
        status, out, err = in_process(*words)
    assert status == 1
    (line,) = errors(err)
    assert "ConfigError: engine.batch_size: out of memory with 1 edits at a time" in line
    assert "method.n_steps=7" in line
    assert outcomes(tmp_path) == {"0": ["ok"] * 9, "1": ["ok"] * 8, "2": ["ok"] * 9}
    for name in ("null_edit", "n_steps=2", "n_steps=7", "n_steps=3", "true_edit"):
        assert name in out
    store = Store(tmp_path / "outputs")
    assert len(list(store.all_keys())) == 2 * 3 + 3 + 2 + 3
    status, _, err = in_process(*words)
    assert status == 0, err
    assert "[2/3] dds method.n_steps=7: 1 of 1 edits, 2 existing" in err
    assert len(list(store.all_keys())) == 2 * 3 + 3 * 3


def test_out_of_memory_in_the_method_leaves_the_controls_in_the_table(
    in_process: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_out_of_memory(monkeypatch, fails=1)
    words = ("debug=fast", "method=dds", "method.n_steps=7", "engine.batch_size=1")
    status, out, err = in_process("run", *words)
    assert status == 2
    (line,) = errors(err)
    assert "out of memory with 1 edits at a time; set a smaller dataset.size" in line
    assert list(outcomes(tmp_path).values()) == [["ok"] * 4]
    assert "null_edit" in out
    assert "true_edit" in out


def test_out_of_memory_is_tried_again_with_half_the_batch(
    in_process: InProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run_out_of_memory(monkeypatch, fails=1)
    status, _, err = in_process("run", "debug=fast", "method=dds", "method.n_steps=7")
    assert status == 0, err
    assert caplog.messages == ["out of memory with 2 edits at a time: taking 1"]
    assert list(outcomes(tmp_path).values()) == [["ok"] * 6]


def test_a_sweep_has_a_plain_line_per_setting_where_there_is_no_terminal(ids: Ids) -> None:
    words = ("run", "-m", *FAST, "method=ids", "fpr.scale=0.2,0.3")
    lines = ids(*words).stderr.splitlines()
    assert [line.rpartition(",")[0] for line in lines] == [
        "[1/2] ids fpr.scale=0.2: 2 of 2 edits, 0 existing",
        "[2/2] ids fpr.scale=0.3: 2 of 2 edits, 0 existing",
    ]
    assert ids(*words).stderr.splitlines() == [
        "[1/2] ids fpr.scale=0.2: nothing to do, 2 edits exist already",
        "[2/2] ids fpr.scale=0.3: nothing to do, 2 edits exist already",
    ]


@pytest.mark.parametrize("flag", ["--cfg=job", "--info", "--config-path=x", "--hydra-help"])
def test_flags_of_hydra_are_answered(ids: Ids, flag: str) -> None:
    done = ids("run", flag)
    assert done.returncode == 2
    assert "--show" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_dry_run_shows_the_plan_and_writes_nothing(ids: Ids) -> None:
    words = ("debug=fast", "method=sds,dds,cds", "method.n_steps=2")
    done = ids("run", "-m", *words, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert not (ids.folder / "outputs").exists()
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert lines["settings"] == "3"
    assert lines["jobs"] == "10"  # controls once
    assert lines["present"] == "0"
    assert "to do      8 edits\n" in done.stdout
    assert "not done   2: their backbone cannot run the method\n" in done.stdout
    assert lines["NFE"] == "about 32"
    assert lines["time"].startswith("unknown: no measurement of this device")
    assert ids("run", *words[:1], "method=sds", words[2]).returncode == 0
    before = sorted(ids.folder.rglob("*"))
    done = ids("run", "-m", *words, "--dry-run", "limit=3")
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert lines["present"] == "6"
    assert re.match(r"about 0\.\d seconds on ", lines["time"])
    assert sorted(ids.folder.rglob("*")) == before
    assert "time       none" in ids("run", "debug=fast", "method=null_edit", "--dry-run").stdout
