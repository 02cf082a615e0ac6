"""The benchmark of the engine runs where no GPU is, writes every cell, and reads what it wrote."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import engine
import forward
import paper_time
from engine_work.cells import Cell, cpu_cells, gpu_cells, tiny_cells, worlds
from engine_work.cost import degenerate, operator_shares, peak_above
from engine_work.report import Results

CPU = torch.device("cpu")


@pytest.mark.slow
def test_a_run_measures_all_loops_and_stops_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "engine.json"
    words = ["--tiny", "--steps", "1", "--rounds", "2", "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["engine.py", *words, "--only", "tiny/dds/1x1"])
    assert engine.main() == 0
    content = json.loads(out.read_text())
    cell = content["cells"]["tiny/dds/1x1"]
    assert set(cell["sides"]) == {"engine", "engine-eager", "released", "plain"}
    assert {"released", "plain"} <= set(cell["ratio"])
    assert (cell["sides"]["released"]["forwards"], cell["sides"]["released"]["backwards"]) == (4, 0)
    for side in cell["sides"].values():
        assert side["peak_mb"] > 0
        assert 0 < side["share_of_product"] < 1
    assert "| tiny | dds | 1 x 1 |" in out.with_suffix(".md").read_text()
    assert str(tmp_path) not in out.read_text()
    monkeypatch.setattr("sys.argv", ["engine.py", *words, "--budget", "0"])
    assert engine.main() == 0
    assert "cells are left out" in capsys.readouterr().out


def test_a_failed_cell_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("out of memory: tried 90 GB")

    monkeypatch.setattr(engine, "measure", fail)
    out = tmp_path / "engine.json"
    monkeypatch.setattr("sys.argv", ["engine.py", "--tiny", "--out", str(out)])
    assert engine.main() == 1
    cells = json.loads(out.read_text())["cells"]
    assert len(cells) == len(tiny_cells())
    assert all(record == {"error": "out of memory: tried 90 GB"} for record in cells.values())


def test_memory_counts_what_lives_at_one_time() -> None:
    mb = 2**20

    def one_after_another() -> None:
        for _ in range(3):
            torch.zeros(4 * mb, dtype=torch.uint8)

    def together() -> list[torch.Tensor]:
        return [torch.zeros(4 * mb, dtype=torch.uint8) for _ in range(3)]

    assert 4 * mb <= peak_above(one_after_another, CPU) < 6 * mb
    assert 12 * mb <= peak_above(together, CPU) < 14 * mb


def test_prompts_of_an_image_share_its_source() -> None:
    world = worlds({"tiny"}, CPU, "fp32")["tiny"]
    z, cases = world.sources(2, 3)
    assert z.shape == (6, 4, 8, 8)
    assert len({case.source_digest for case in cases[:3]}) == 1
    assert len({case.prompt_trg for case in cases[:3]}) == 3
    assert torch.equal(z[0], z[2])
    assert not torch.equal(z[0], z[3])


@pytest.mark.parametrize("cells", [cpu_cells(), gpu_cells(), tiny_cells()])
def test_cells_are_different_and_begin_with_one_image(cells: list[Cell]) -> None:
    assert len({cell.name for cell in cells}) == len(cells)
    assert (cells[0].images, cells[0].prompts) == (1, 1)


def test_degenerate_predictions_are_refused() -> None:
    good = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert degenerate(good) == ""
    for bad in (good * torch.nan, good * 0, good[:1].repeat(2, 1, 1, 1)):
        assert "expected" in degenerate(bad)


def test_results_are_whole_after_every_cell(tmp_path: Path) -> None:
    head = {"title": "Engine", "note": "Random.", "environment": {"device": "x"}}
    results = Results(tmp_path / "new" / "engine.json", head)
    for number in range(2):
        results.put(f"w/m/{number}x1", {"error": "none"})
        assert len(json.loads(results.path.read_text())["cells"]) == number + 1
        assert f"- w/m/{number}x1: none" in results.path.with_suffix(".md").read_text()
    assert {path.name for path in results.path.parent.iterdir()} == {"engine.json", "engine.md"}


def test_calls_of_the_network_are_timed_for_modules_and_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "forward.md"
    words = ["--only", "embedded", "--rows", "1", "2", "--rounds", "1", "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["forward.py", *words])
    forward.main()
    lines = [line for line in out.read_text().splitlines() if line.startswith("| embedded")]
    assert [line.split(" | ")[0].split(", ")[-1] for line in lines] == ["modules", "engine"]
    assert all(float(ms) > 0 for ms in re.findall(r"\d+\.\d+", " ".join(lines)))


def test_shares_of_operators_are_those_of_the_work() -> None:
    shares = operator_shares(lambda: torch.ones(300, 300) @ torch.ones(300, 300))
    assert next(iter(shares)) == "aten::mm"
    assert sum(shares.values()) == pytest.approx(1)


def test_estimates_of_the_papers_studies_are_lines_of_a_dry_run() -> None:
    text = "settings   2\nto do      9 edits\nNFE        about 288\ntime       about 4.7 seconds\n"
    assert list(paper_time._facts(text)) == [
        "to do 9 edits",
        "NFE about 288",
        "time about 4.7 seconds",
    ]
    assert "paper/table1" in paper_time._studies()
    assert "paper/nerf_table" not in paper_time._studies()
