"""The Python API gives what the command line gives, in memory."""

import importlib
import inspect
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image as PIL

import ids
import ids.api
from ids.backbones import Gaussian
from ids.core.errors import ConfigError, DataError, UnsupportedError

WORDS: dict[str, Any] = {"backbone": "gaussian", "n_steps": 3, "progress": False}
PROMPTS = {"source": "a cat", "target": "a dog"}


@pytest.fixture
def photo() -> PIL.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 24, 3), dtype=np.uint8)
    return PIL.fromarray(pixels)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_importing_ids_imports_no_torch() -> None:
    code = "import ids, sys; ids.edit; assert 'torch' in sys.modules"
    first = "import ids, sys; dir(ids); assert 'torch' not in sys.modules and 'edit' in dir(ids)"
    for program in (first, code):
        subprocess.run([sys.executable, "-c", program], check=True)


def test_one_edit_in_memory(photo: PIL.Image, tmp_path: Path) -> None:
    result = ids.edit(photo, **PROMPTS, **WORDS)
    assert result.error is None
    assert result.image.size == photo.size
    assert result.image.mode == "RGB"
    assert result.latent.shape == result.source_latent.shape
    assert list(result.trace.index) == [1, 2, 3]
    assert {"t", "gradient", "distance", "fpr_residual_0", "eps_star_norm"} <= set(result.trace)
    assert sorted(result.states) == [0, 3]
    numbers = result.metrics()
    assert numbers["psnr"] > 0
    assert math.isnan(numbers["psnr_background"])  # no mask
    assert result.side_by_side().size == (2 * photo.width, photo.height)
    assert list(tmp_path.iterdir()) == []


def test_a_mask_gives_background_metrics(photo: PIL.Image) -> None:
    mask = np.zeros((40, 24), np.uint8)
    mask[10:20, 5:15] = 255
    result = ids.edit(photo, mask=mask, **PROMPTS, **WORDS)
    assert math.isfinite(result.metrics()["psnr_background"])


def test_a_store_keeps_what_is_made_in_memory(photo: PIL.Image, tmp_path: Path) -> None:
    plain = ids.edit(photo, **PROMPTS, **WORDS, seed=3)
    stored = ids.edit(photo, **PROMPTS, **WORDS, seed=3, store="kept")
    again = ids.edit(photo, **PROMPTS, **WORDS, seed=3, store="kept")
    assert torch.equal(plain.latent, stored.latent)
    assert torch.equal(stored.latent, again.latent)
    assert stored.key == again.key != ""
    assert plain.trace.equals(again.trace)
    assert plain.metrics() == pytest.approx(again.metrics(), nan_ok=True)
    assert len(list(tmp_path.glob("kept/results/*/*"))) == 1
    frame = ids.results("kept")
    assert list(frame["key"]) == [stored.key]
    assert list(frame["target_prompt"]) == ["a dog"]


def test_a_batch_is_its_images_one_by_one(photo: PIL.Image) -> None:
    other = photo.transpose(PIL.Transpose.TRANSPOSE)
    targets = ["a dog", "a pig", "a dog"]
    batch = ids.edit([photo, photo, other], source="a cat", target=targets, **WORDS)
    for image, target, result in zip([photo, photo, other], targets, batch, strict=True):
        alone = ids.edit(image, source="a cat", target=target, **WORDS)
        assert torch.allclose(alone.latent, result.latent, atol=1e-5)
        assert result.image.size == image.size


def test_kinds_of_images_give_one_result(photo: PIL.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "photo.png")
    array = np.asarray(photo)
    tensor = torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 255
    kinds = ["photo.png", tmp_path / "photo.png", photo, array, tensor]
    results = ids.edit(kinds, **PROMPTS, **WORDS)
    assert len({result.case.digest for result in results}) == 1
    assert all(torch.allclose(r.latent, results[0].latent, atol=1e-6) for r in results)


def test_values_of_every_kind(photo: PIL.Image) -> None:
    result = ids.edit(
        photo,
        **PROMPTS,
        **WORDS,
        method="dds",
        fpr={"n_iters": 1, "scale": 0.1},
        optimizer__lr=0.2,
        overrides=["fpr=released"],
    )
    assert "fpr_residual_0" in result.trace
    assert "fpr_residual_1" not in result.trace


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"n_step": 3}, ConfigError, "method.n_step: no such option; did you mean n_steps"),
        ({"target": ["a", "b"]}, DataError, "target: expected one for all images, .* got 2 for 1"),
        ({"target": 3}, DataError, "target prompt of image: expected text; got int"),
        ({"fit": "tight"}, ConfigError, "dataset.fit: expected one of"),
        ({"size": 4}, ConfigError, "dataset.multiple: expected 1 to"),
        ({"seeds": [1]}, ConfigError, r"seeds=\[1\]: expected as an argument; pass seed"),
        ({"overrides": ["dataset.size=8"]}, ConfigError, "expected as an argument; pass image"),
        ({"overrides": "backbone=sd15"}, ConfigError, "expected as an argument; pass backbone"),
        ({"force": True}, ConfigError, "force=true: expected together with a store"),
        ({"overrides": ["controls=standard"]}, ConfigError, "expected no controls in ids.edit"),
        ({"target": " "}, DataError, "target prompt of image: expected a prompt"),
        ({"method": "sds,dds"}, ConfigError, "expected one setting; got a sweep; use ids.run"),
        ({"method": "cds"}, UnsupportedError, "gives features"),
        ({"backbone": 3}, UnsupportedError, "backbone"),
        ({"seed": -1}, ConfigError, "seeds: expected 0 to"),
    ],
)
def test_bad_arguments_are_named(
    photo: PIL.Image, arguments: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        ids.edit(photo, **{**PROMPTS, **WORDS, **arguments})


def test_a_session_loads_the_backbone_once(
    photo: PIL.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads, load = [], Gaussian.load
    monkeypatch.setattr(Gaussian, "load", lambda self, d: loads.append(1) or load(self, d))
    session = ids.Session()
    for target in ("a dog", "a pig"):
        ids.edit(photo, source="a cat", target=target, session=session, **WORDS)
    assert len(loads) == 1
    ids.edit(photo, **PROMPTS, **WORDS)
    assert len(loads) == 2


def test_a_backbone_in_memory(photo: PIL.Image) -> None:
    backbone = ids.load_backbone("gaussian")
    words = {**WORDS, "backbone": backbone, "size": 32}
    named = ids.edit(photo, **PROMPTS, **WORDS, fpr__scale=0.3)
    given = ids.edit(photo, **PROMPTS, **words, fpr__scale=0.3)
    assert torch.equal(named.latent, given.latent)


def test_run_results_compare() -> None:
    words = ["debug=fast", "method=dds,ids", "limit=3", "seeds=[0,1]"]
    run = ids.run(words)
    assert (run.errors, run.output_dir) == ([], Path("outputs"))
    frame = ids.results()
    pd.testing.assert_frame_equal(
        run.results().sort_values("key", ignore_index=True),
        frame.sort_values("key", ignore_index=True),
    )
    table = ids.compare(frame, columns=["psnr"])
    tests = table.set_index("against")[["d_z", "p", "p_corrected", "detectable"]]
    assert tests.loc["dds", "p"].between(0, 1).all()
    assert tests.loc[""].isna().all(axis=None)
    assert (table[["undefined", "infinite", "not_computed"]] == 0).all(axis=None)
    student = ids.compare(frame, columns=["psnr"], interval="t")
    assert (student["value"] == table["value"]).all()
    assert not student["low"].equals(table["low"])
    means = table[table["against"] == ""].set_index("method")["value"]
    dds = frame[frame["label"] == "dds"].groupby("case")["psnr"].mean()
    assert means["dds"] == pytest.approx(dds.mean())
    (paired,) = table[(table["method"] == "ids") & (table["against"] == "dds")].to_dict("records")
    ids_psnr = frame[frame["label"] == "ids"].groupby("case")["psnr"].mean()
    assert paired["value"] == pytest.approx((ids_psnr - dds).mean())
    assert paired["n"] == 3
    assert paired["low"] <= paired["value"] <= paired["high"]


def test_a_bad_setting_of_a_sweep_costs_itself() -> None:
    run = ids.run(["debug=fast", "method=dds", "method.n_steps=2,-1", "limit=1"])
    assert len(run.errors) == 1
    assert "n_steps" in run.errors[0]
    assert "(the setting method=dds method.n_steps=-1" in run.errors[0].replace("debug=fast ", "")
    assert set(run.results()["label"]) >= {"dds"}
    with pytest.raises(ConfigError, match="n_steps"):
        ids.run(["debug=fast", "method=dds", "method.n_steps=-1"])


@pytest.mark.parametrize("name", ["run", "results"])
def test_a_layer_is_the_function_of_its_name(name: str) -> None:
    package = importlib.import_module(f"ids.{name}")
    assert callable(package)
    assert inspect.signature(package) == inspect.signature(getattr(ids.api, name))
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        package("x", nothing=1)


def test_a_foreign_frame_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"expected a frame of ids.results; got one without"):
        ids.compare(pd.DataFrame({"psnr": [1.0]}))
    with pytest.raises(ConfigError, match="expected a folder of results"):
        ids.results("nowhere")
