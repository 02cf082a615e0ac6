"""`ids.search` gives what `ids search` gives, as records."""

import json
from pathlib import Path

import pytest
from conftest import InProcess

import ids
from ids.core.errors import ConfigError, IdsError

FIXED = ["debug=fast", "method=dds", "method.n_steps=2", "controls=none", "logger=none"]
AXES = ["method.guidance_scale=range(1.0,8.0,0.5)", "method.optimizer.lr=interval(0.01,0.3)"]
HELD_OUT = ["dataset.split=test", "limit=3"]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_pareto_set_is_that_of_the_command(in_process: InProcess) -> None:
    flags = ["--identity", "psnr", "--fidelity", "psnr_truth", "--trials", "3"]
    status, _, err = in_process("search", *FIXED, *AXES, *flags, "--test", " ".join(HELD_OUT))
    assert status == 0, err
    words = [*FIXED, *AXES, "output_dir=mine"]
    found = ids.search(words, identity="psnr", fidelity="psnr_truth", trials=3, test=HELD_OUT)
    (table,) = (t.with_suffix(".json") for t in Path("outputs/tables").glob("*.md"))
    grids = json.loads(table.read_text())["grids"]
    for grid, means in zip(grids, ("means", "held_out"), strict=True):
        for row, trial in zip(grid["rows"], found.pareto, strict=True):
            searched = " ".join(f"{key}={value}" for key, value in trial.values.items())
            assert row["method"] == f"{trial.number}: {searched}"
            for name, mean in getattr(trial, means).items():
                cell = row["cells"][name]
                assert (cell["value"], cell["low"]) == (mean.value, mean.low)
    assert [trial.number for trial in found.trials] == [1, 2, 3]
    assert found.journal == Path("mine/search") / f"{found.name}.jsonl"
    assert found.journal.is_file()
    assert not found.errors
    before = len(list(Path("mine/results").glob("??/*")))
    ids.run(found.pareto[0].words)  # its edits exist
    assert len(list(Path("mine/results").glob("??/*"))) == before


def test_wrong_calls_raise() -> None:
    with pytest.raises(ConfigError, match="expected a key with interval"):
        ids.search(FIXED)
    broken = [*FIXED, "method.optimizer.lr=choice(1.0e+38)"]
    with pytest.raises(IdsError, match="3 in a row with the same failure"):
        ids.search(broken, identity="psnr", fidelity="psnr_truth")
