"""The shipped networks reach the goals on their card, and are small."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ids.core.errors import WeightsError
from ids.doctor import shapes as doctor
from ids.doctor.shapes import Finding, Quality, measure_quality
from ids.shapes import WEIGHTS
from ids.shapes.judge import load_classifier

MEGABYTES = 15


@pytest.mark.slow
def test_they_reach_every_goal_on_a_smaller_sample() -> None:
    quality = measure_quality(WEIGHTS, samples=36, steps=20)
    assert len(quality.findings) == 8
    for finding in quality.findings:
        assert finding.reached, finding
    assert quality.images.shape == (36, 3, 64, 64)


def test_all_shipped_files_fit() -> None:
    size = sum(file.stat().st_size for file in WEIGHTS.rglob("*") if file.is_file())
    assert size < MEGABYTES * 1e6


def test_the_card_shows_every_goal_reached() -> None:
    card = (WEIGHTS / "README.md").read_text()
    assert card.count("| yes |") == 8
    assert "| NO |" not in card


def test_a_missed_goal_is_printed_and_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missed = Finding("beauty", 0.5, 0.9, "%")
    reached = Finding("autoencoder", 31.0, 30.0, "dB")
    for findings, status in (((reached,), 0), ((reached, missed), 1)):
        found = Quality(findings, images=doctor.torch.zeros(1, 3, 4, 4))
        monkeypatch.setattr(doctor, "measure_quality", lambda *_, found=found: found)
        assert doctor.examine_shapes() == status
    printed = capsys.readouterr().out
    assert "50.00 %" in printed
    assert "31.00 dB" in printed
    assert "NO" in printed


def test_a_missing_classifier_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="make shapes"):
        load_classifier(tmp_path / "model.safetensors")


def test_a_classifier_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    weights = load_file(WEIGHTS / "classifier" / "model.safetensors")
    name = "heads.fill.bias"
    for changed, message in (
        ({name: None}, f"1 missing: {name}"),
        ({"more": torch.zeros(1)}, "1 extra: more"),
        ({name: torch.zeros(9)}, rf"{name} \[9\] instead of"),
        ({name: torch.full_like(weights[name], torch.nan)}, f"{name} holds NaN"),
    ):
        kept = {n: x for n, x in (weights | changed).items() if x is not None}
        save_file(kept, tmp_path / "model.safetensors")
        with pytest.raises(WeightsError, match=message):
            load_classifier(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match="the file is empty"):
        load_classifier(tmp_path / "model.safetensors")
