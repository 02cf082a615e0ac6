"""Our numbers against those of released evaluation code."""

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import metric_parity
import pytest
import torch
from metric_replay import pixels
from metric_replay.folder import STACKS, Folder
from metric_replay.lines import Line, Tolerance, exact_line, number_line, tensor_line
from metric_replay.pixels import input_lines
from recorded_metrics import GOLDEN, NORMAL, STRIP, TINY, WHOLE, Recorded, open_recorded

from ids.metrics.pie.parts import Stack

Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorded]:
    with open_recorded() as found:
        yield found


def test_inputs_are_reproduced(recorded: Recorded) -> None:
    found = [line for pair in recorded.folder.pairs for line in input_lines(pair)]
    assert {line.status for line in found} == {"ok"}
    assert len(found) == 4 * 6


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("metric", ["psnr", "mse", "ssim"])
def test_numbers_of_pixels_are_reproduced(recorded: Recorded, metric: str, stack: Stack) -> None:
    found = recorded.lines(stack, metric)
    assert {line.status for line in found} == {"ok"}
    assert len(found) == 4 * 3  # four pairs, three parts
    assert [line.detail for line in found].count("equal") == (2 if metric == "psnr" else 1)


@pytest.mark.parametrize("stack", STACKS)
def test_lpips_is_reproduced(recorded: Recorded, stack: Stack) -> None:
    assert {line.status for line in recorded.lines(stack, "lpips", NORMAL, WHOLE)} == {"ok"}


@pytest.mark.slow
def test_the_script_finds_no_difference(
    capsys: pytest.CaptureFixture[str], monkeypatch: Patch
) -> None:
    monkeypatch.setattr("sys.argv", ["metric_parity.py", str(GOLDEN)])
    assert metric_parity.main() == 0
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    statuses = {line[0]: line[1] for line in printed}
    assert len(statuses) == len(printed)
    for pair in (NORMAL, STRIP, WHOLE, TINY):
        for stack in STACKS:
            for part in ("", "_unedit_part", "_edit_part"):
                for metric in ("psnr", "mse", "ssim", "lpips"):
                    assert statuses[f"{pair}/{stack}/{metric}{part}"] == "ok"


def test_a_line_compares_numbers_texts_and_tensors() -> None:
    near = Tolerance(absolute=0.1, relative=0.01)
    assert number_line("a", 10.19, 10.0, near).status == "ok"
    assert number_line("a", 10.21, 10.0, near).status == "FAIL"
    for found, wanted in ((math.inf, "inf"), (math.nan, "nan")):
        assert number_line("a", found, wanted, near).status == "ok"
        assert number_line("a", 1.0, wanted, near).status == "FAIL"
        assert number_line("a", found, 1.0, near).status == "FAIL"
    assert number_line("a", math.inf, "nan", near).status == "FAIL"
    assert number_line("a", 1.0, None, near).status == "skipped"
    assert number_line("a", 1.0, "many", near).status == "FAIL"
    assert str(exact_line("a", "b", "c")).split()[1:] == ["FAIL", "b", "instead", "of", "c"]
    one, two = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.2])
    assert tensor_line("a", one, two, Tolerance(relative=0.1)).status == "ok"
    assert tensor_line("a", one, two, Tolerance(absolute=0.1)).status == "FAIL"
    assert tensor_line("a", one[:1], two, near).status == "FAIL"
    assert tensor_line("a", one * math.nan, two, near).status == "FAIL"


def test_the_script_names_a_wrong_folder_and_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Patch
) -> None:
    monkeypatch.setattr("sys.argv", ["metric_parity.py", str(tmp_path)])
    assert metric_parity.main() == 2
    assert "expected a folder with expected.json" in capsys.readouterr().out

    def broken(folder: Folder) -> Iterator[Line]:
        yield exact_line(folder.pairs[0].name("reference", "psnr"), 1, 1)
        raise KeyError("no such weights")

    monkeypatch.setattr("sys.argv", ["metric_parity.py", str(GOLDEN), "--only", "pixels"])
    monkeypatch.setitem(metric_parity.REPLAYS, "pixels", broken)
    assert metric_parity.main() == 1
    printed = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert printed[0] == [f"{NORMAL}/reference/psnr", "ok", "equal"]
    assert printed[1] == ["pixels", "FAIL", "KeyError: 'no such weights'"]
    skipped = {line[0] for line in printed if line[1] == "skipped"}
    assert f"{NORMAL}/current/psnr" in skipped
    assert f"{NORMAL}/reference/psnr" not in skipped


def damaged(tmp_path: Path, change: Callable[[Path, dict[str, Any]], None]) -> Path:
    """A copy of the folder, changed."""
    place = Path(shutil.copytree(GOLDEN, tmp_path / "damaged"))
    expected = json.loads((place / "expected.json").read_text())
    change(place, expected)
    (place / "expected.json").write_text(json.dumps(expected))
    return place


def pixel_statuses(place: Path, capsys: pytest.CaptureFixture[str], patch: Patch) -> dict[str, str]:
    """The status of every line of the pixel metrics."""
    patch.setattr("sys.argv", ["metric_parity.py", str(place), "--only", "pixels"])
    assert metric_parity.main() == 1
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    return {line[0]: line[1] for line in printed}


def test_a_damaged_folder_costs_its_damaged_numbers_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Patch
) -> None:
    def change(place: Path, expected: dict[str, Any]) -> None:
        (place / "pictures" / f"{STRIP}_target.png").unlink()
        (place / "pictures" / f"{TINY}_source.png").write_text("not an image")
        (place / "weights/squeezenet1_1.pth").unlink()
        del expected["pairs"][WHOLE]["reference"]["psnr"]
        del expected["pairs"][NORMAL]["checks"]["mask_sum"]
        expected["pairs"][NORMAL]["current"]["mse"] = ["many"]

    monkeypatch.setattr(pixels, "PARTS", ("",))
    place = damaged(tmp_path, change)
    found = pixel_statuses(place, capsys, monkeypatch)
    assert {name for name, status in found.items() if status == "FAIL"} == {
        STRIP,
        TINY,
        f"{NORMAL}/checks/inputs",
        f"{NORMAL}/current/mse",
        "weights/heads",
        *(f"{stack}/lpips" for stack in STACKS),
        *(f"{pair}/{stack}/lpips_layers" for stack in STACKS for pair in (NORMAL, WHOLE)),
    }
    assert found[f"{WHOLE}/reference/psnr"] == "skipped"
    assert found[f"{NORMAL}/reference/ssim"] == found[f"{WHOLE}/current/psnr"] == "ok"


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 10**5, '{"mapping": {}, "files": {}}'])
@pytest.mark.parametrize("name", ["expected.json", "masks.json"])
def test_a_foreign_folder_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Patch, text: str, name: str
) -> None:
    for file in ("expected.json", "masks.json"):
        (tmp_path / file).write_text((GOLDEN / file).read_text())
    (tmp_path / name).write_text(text)
    monkeypatch.setattr("sys.argv", ["metric_parity.py", str(tmp_path), "--only", "structure"])
    assert metric_parity.main() in (1, 2)
    printed = capsys.readouterr().out.splitlines()
    assert printed
    assert all("FAIL" in line for line in printed[1:])


def test_nothing_compared_is_not_a_success(
    capsys: pytest.CaptureFixture[str], monkeypatch: Patch
) -> None:
    monkeypatch.setattr("sys.argv", ["metric_parity.py", str(GOLDEN), "--only", "pixels"])
    monkeypatch.setitem(metric_parity.REPLAYS, "pixels", lambda folder: iter(()))
    assert metric_parity.main() == 1
    assert "skipped" in capsys.readouterr().out


def test_a_number_that_nothing_compares_is_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: Patch
) -> None:
    def one(folder: Folder) -> Iterator[Line]:
        yield exact_line(folder.pairs[0].name("reference", "psnr"), 1, 1)

    monkeypatch.setattr("sys.argv", ["metric_parity.py", str(GOLDEN)])
    monkeypatch.setattr(metric_parity, "REPLAYS", {"pixels": one})
    assert metric_parity.main() == 1
    failed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if " FAIL " in line]
    assert f"{NORMAL}/current/psnr" in failed
    assert f"{NORMAL}/reference/psnr" not in failed
