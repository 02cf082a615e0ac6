"""An infinite number (PSNR of an unchanged image) from the metric to every output: stored, counted,
left out of means, never lost.
"""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import InProcess
from PIL import Image

import ids
from ids.core.numbers import to_float, to_number
from ids.results.catalog import read_catalog
from ids.results.frames import curve_frame
from ids.run import Store
from ids.run.records import MetricsRecord, MetricValue
from ids.run.sealed import seal, unseal

WORDS = ("run", "dataset=folder", "dataset.path=photos", "backbone=gaussian", "method=dds")
WORDS += ("method.n_steps=4", "keep_every=2", "metrics=standard", "logger=files")


@pytest.fixture
def printed(
    in_process: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[InProcess, str]:
    """Two photos edited. One has the colour that its edit would have: it does not change."""
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (32, 32), (255, 0, 255)).save(folder / "flat.png")
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    table = "image,source,target\nflat.png,a cat,a dog\nnoise.png,a cat,a dog\n"
    (folder / "edits.csv").write_text(table)
    status, out, _ = in_process(*WORDS)
    assert status == 0
    return in_process, out


def test_infinity_survives_everywhere(printed: tuple[InProcess, str]) -> None:
    command, table = printed
    assert "PSNR in 3 (infinite); left out." in table
    (dds,) = (line for line in table.splitlines() if line.startswith("dds"))
    frame = ids.results("outputs").set_index(["label", "id"])["psnr"]
    finite = frame["dds", "noise-2"]
    assert f"{finite:.2f}" in dds
    assert [frame[key] for key in (("dds", "flat-1"), ("null_edit", "noise-2"))] == [math.inf] * 2
    for kind, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        assert command("results", "export", f"edits.{kind}")[0] == 0
        numbers = read(f"edits.{kind}").set_index(["label", "id"])["psnr"]
        assert (numbers["dds", "flat-1"], numbers["dds", "noise-2"]) == (math.inf, finite)
    assert command("results", "export", "edits.json")[0] == 0
    lines = json.loads(Path("edits.json").read_text(), parse_constant=pytest.fail)
    found = {(line["label"], line["id"]): line["psnr"] for line in lines}
    assert (found["dds", "flat-1"], found["dds", "noise-2"]) == ("inf", finite)
    assert found["true_edit", "noise-2"] is None
    key = next(line["key"] for line in lines if line["psnr"] == "inf")
    assert "psnr@2 = inf dB" in command("results", "show", key)[1]
    assert command("table", "--matched")[0] == 0


def test_infinity_is_in_curves_and_logs(printed: tuple[InProcess, str]) -> None:
    store = Store(Path("outputs"))
    (group,) = read_catalog(store).groups
    curves = curve_frame(group.entries, store).set_index(["label", "id", "step"])["psnr"]
    assert curves["dds", "flat-1", 4] == curves["dds", "noise-2", 0] == math.inf
    finite = curves["dds", "noise-2", 4]
    assert math.isfinite(finite)
    text = Path("outputs/logs/dds.jsonl").read_text()
    events = [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]
    assert [e["psnr"] for e in events if e["event"] == "edit"] == ["inf", finite]
    (summary,) = (event for event in events if event["event"] == "summary")
    assert (summary["psnr/mean"], summary["psnr/infinite"]) == (finite, 1)
    last = [event for event in events if event["event"] == "curve"][-1]
    assert (last["along/psnr"], last["along/psnr_infinite"]) == (finite, 1)
    Path("outputs/logs/null_edit.jsonl").read_text().index('"psnr/infinite": 2')


def test_infinity_from_python(tmp_path: Path) -> None:
    photo = Image.new("RGB", (32, 32), (255, 0, 255))
    words = {"backbone": "gaussian", "n_steps": 2, "progress": False}
    edit = ids.edit(photo, source="a cat", target="a dog", **words)
    assert edit.metrics()["psnr"] == math.inf


def test_a_record_holds_every_float() -> None:
    values = (1.5, math.inf, -math.inf, math.nan)
    assert [to_number(value) for value in values] == [1.5, "inf", "-inf", None]
    found = {str(v): MetricValue(to_number(v), "dB", True) for v in values}
    along = {"psnr@2": [to_number(value) for value in values]}
    record = MetricsRecord(key="k", case="c", values=found, along=along)
    read = unseal(seal(record), MetricsRecord)
    assert read == record
    assert repr([to_float(n) for n in read.along["psnr@2"]]) == repr([*values])
