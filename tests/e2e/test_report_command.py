"""`ids report` after a run: states decoded by the run's backbone, commands, and bad input."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import InProcess

RUN = ("run", "debug=fast", "method=dds", "keep_every=1", "method.n_steps=2")


def data(page: Path) -> Any:
    found = re.search(r'id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_page_of_a_run(
    in_process: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert in_process(*RUN)[0] == 0
    status, out, _ = in_process("report", "--out", "page")
    assert status == 0
    assert out.endswith("written: page/index.html\n")
    (group,) = data(tmp_path / "page" / "index.html")["groups"]
    place = group["labels"].index("dds")
    assert group["commands"][place] == f"ids {' '.join(RUN)}"
    assert [case["decoded"] for case in group["cases"]] == [False, False]
    assert all(case["mask"] for case in group["cases"])
    assert {tuple(state["steps"]) for state in group["states"].values()} == {(0, 1, 2)}
    assert len(group["states"]) == 2
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    monkeypatch.chdir(moved)
    status, out, _ = in_process("report", "--output-dir", "../outputs", "--states", "1")
    assert status == 0
    assert "2 cases with the null edit in place of the source" in out


def test_bad_input_is_one_line(in_process: InProcess, tmp_path: Path) -> None:
    for words in (["--states", "-1"], ["--output-dir", "none"]):
        status, _, err = in_process("report", *words)
        assert (status, err.count("\n")) == (2, 1)
    (tmp_path / "outputs").mkdir()
    status, _, err = in_process("report")
    assert status != 0
    assert "expected results; found none" in err
    assert not (tmp_path / "outputs" / "report").exists()
