"""The benchmark of the paper's studies on small networks: trials, a table, estimates."""

import sys
from pathlib import Path

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import paper_time
from paper_machine import Rows


@pytest.mark.slow
def test_a_trial_gives_seconds_per_method_and_the_time_of_studies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paper_time, "ROWS", Rows())
    trial = "experiments=paper/table1 dataset=paper_ip2p method=dds,ids"
    monkeypatch.setattr(paper_time, "TRIALS", [trial])
    monkeypatch.setattr(paper_time, "_studies", lambda: ["paper/lambda"])
    words = ["paper_time.py", str(tmp_path / "machine"), "--small", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", words)
    assert paper_time.main() == 0
    lines = capsys.readouterr().out.splitlines()
    (dds,) = (line for line in lines if line.startswith("| dds |"))
    (ids,) = (line for line in lines if line.startswith("| ids |"))
    assert float(ids.split("|")[3]) == 4 * float(dds.split("|")[3])  # NFE of two steps
    (study,) = (line for line in lines if line.startswith("paper/lambda"))
    assert "to do 9 edits" in study  # one of ten is there
    assert "time about" in study
    assert not (tmp_path / "outputs").exists()
