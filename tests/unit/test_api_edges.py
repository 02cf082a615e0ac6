"""`ids.edit`: lists, stores, metrics and backbones in memory at their edges."""

import gc
import logging
import math
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image as PIL

import ids
from ids.backbones import Gaussian, GaussianWorld
from ids.config.values import literal
from ids.core.errors import ConfigError, DataError, UnsupportedError, WeightsError
from ids.core.protocols import Backbone
from ids.metrics.lpips_network import LpipsNetwork
from ids.run import BatchEditor

WORDS: dict[str, Any] = {"backbone": "gaussian", "n_steps": 3, "progress": False}
PROMPTS = {"source": "a cat", "target": "a dog"}
SHAPES = {"source": "a plain red circle", "target": "a plain blue circle", "backbone": "shapes"}


@pytest.fixture
def photo() -> PIL.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 24, 3), dtype=np.uint8)
    return PIL.fromarray(pixels)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("an edit was started")

    monkeypatch.setattr(BatchEditor, "__call__", fail)


def test_every_call_adds_its_cases_to_the_store(photo: PIL.Image, tmp_path: Path) -> None:
    photo.save("photo.png")
    for target in ("a dog", "a pig"):
        ids.edit(photo, source="a cat", target=target, **WORDS, store="kept")
    ids.edit("photo.png", source="a cat", target="a cow", **WORDS, store="kept")
    frame = ids.results("kept")
    assert sorted(frame["target_prompt"]) == ["a cow", "a dog", "a pig"]
    assert frame["id"].is_unique
    assert frame["id"].str.startswith(("image-", "photo-")).all()
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["kept"]
    assert not list(tmp_path.glob("kept/logs"))
    assert not list(tmp_path.glob("kept/mirrored/*"))


def test_logs_are_written_where_a_logger_is_named(photo: PIL.Image, tmp_path: Path) -> None:
    ids.edit(photo, **PROMPTS, **WORDS, store="kept", overrides="logger=files")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "logs" / "ids.jsonl").is_file()


@pytest.mark.parametrize("store", [None, "kept"])
def test_an_image_that_cannot_be_read_fails_alone(photo: PIL.Image, store: str | None) -> None:
    Path("broken.png").write_bytes(b"nonsense")
    images = ["broken.png", photo, photo]
    first, second, third = ids.edit(images, **PROMPTS, **WORDS, store=store)
    assert isinstance(first.error, DataError)
    with pytest.raises(DataError, match=r"broken\.png: expected an image"):
        _ = first.image
    assert second.error is third.error is None
    assert torch.allclose(second.latent, third.latent)
    assert (second.key == third.key != "") is (store is not None)
    with pytest.raises(DataError, match=r"broken\.png: expected an image"):
        ids.edit("broken.png", **PROMPTS, **WORDS, store=store)


def test_a_stored_failure_is_an_error_until_it_is_retried(
    photo: PIL.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = GaussianWorld.eps
    monkeypatch.setattr(GaussianWorld, "eps", lambda self, *x: call(self, *x) * math.nan)
    with pytest.raises(DataError, match="expected finite latents"):
        ids.edit(photo, **PROMPTS, **WORDS, store="kept")
    monkeypatch.setattr(GaussianWorld, "eps", call)
    (stored,) = ids.edit([photo], **PROMPTS, **WORDS, store="kept")
    assert "expected finite latents" in str(stored.error)
    assert stored.key
    assert ids.edit(photo, **PROMPTS, **WORDS, store="kept", retry_failed=True).error is None


def test_a_lost_source_latent_is_encoded_again(photo: PIL.Image, tmp_path: Path) -> None:
    before = ids.edit(photo, **PROMPTS, **WORDS, store="kept")
    (latent,) = [path for path in tmp_path.glob("kept/sources/*/*") if path.is_file()]
    latent.unlink()
    after = ids.edit(photo, **PROMPTS, **WORDS, store="kept")
    assert torch.equal(before.source_latent, after.source_latent)
    assert latent.is_file()


@pytest.mark.usefixtures("no_edits")
def test_missing_weights_of_metrics_are_named_before_an_edit(
    photo: PIL.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(WeightsError, match=LpipsNetwork("alex").file.name):
        ids.edit(photo, **PROMPTS, **WORDS, metrics="paper")


@pytest.mark.usefixtures("no_edits")
def test_too_small_images_are_refused_before_an_edit(photo: PIL.Image) -> None:
    with pytest.raises(ConfigError, match="expected images of at least 11 pixels"):
        ids.edit(photo, **PROMPTS, **WORDS, size=8)


def test_words_and_masks_are_one_per_image(photo: PIL.Image) -> None:
    mask = np.zeros((40, 24), bool)
    mask[:20] = True
    plain, masked = ids.edit(
        [photo, photo], mask=[None, mask], blend=["", "cat dog"], **PROMPTS, **WORDS
    )
    assert math.isnan(plain.metrics()["psnr_background"])
    assert math.isfinite(masked.metrics()["psnr_background"])
    assert (plain.case.blend_words, masked.case.blend_words) == (None, ("cat", "dog"))


@pytest.mark.parametrize(
    "change",
    [
        lambda photo: photo.convert("L"),
        lambda photo: photo.convert("RGBA"),
        lambda photo: np.asarray(photo.convert("L")),
    ],
)
def test_other_modes_give_rgb_of_their_size(
    photo: PIL.Image, change: Callable[[PIL.Image], Any]
) -> None:
    result = ids.edit(change(photo), **PROMPTS, **WORDS)
    assert (result.image.mode, result.image.size) == ("RGB", photo.size)


def test_an_image_with_an_orientation_comes_back_upright(photo: PIL.Image) -> None:
    exif = PIL.Exif()
    exif[0x0112] = 6
    photo.save("turned.png", exif=exif)
    result = ids.edit("turned.png", **PROMPTS, **WORDS)
    assert result.image.size == photo.size[::-1]


def test_a_size_that_the_autoencoder_does_not_divide_is_refused(photo: PIL.Image) -> None:
    with pytest.raises(DataError, match="image size: expected sides that 8 divides"):
        ids.edit(photo, **SHAPES, size=60, fit="stretch", n_steps=1, progress=False)


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("p2p", {"inversion": {"n_steps": 4}}),
        ("pnp", {"n_steps": 4, "inversion__n_steps": 4}),
        ("sdedit", {"n_steps": 4}),
        ("cds", {"n_steps": 2}),
    ],
)
def test_every_kind_of_method(method: str, values: dict[str, Any], photo: PIL.Image) -> None:
    result = ids.edit(photo.resize((64, 64)), **SHAPES, method=method, progress=False, **values)
    assert result.latent.isfinite().all()
    assert len(result.trace) == (2 if method == "cds" else 0)
    assert result.metrics()["psnr"] > 0


def test_a_backbone_in_memory_has_a_key_and_takes_no_values(photo: PIL.Image) -> None:
    words = {**PROMPTS, **WORDS, "backbone": ids.load_backbone("gaussian"), "size": 32}
    first, again = (ids.edit(photo, **words, store="kept") for _ in range(2))
    assert first.key == again.key
    with pytest.raises(ConfigError, match="expected no value of a backbone in memory"):
        ids.edit(photo, **words, backbone__precision="fp16")
    with pytest.raises(UnsupportedError, match="gives features"):
        ids.edit(photo, **words, method="cds")


def test_the_engine_follows_a_backbone_in_memory(
    photo: PIL.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = ids.load_backbone("gaussian")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    words = {**PROMPTS, **WORDS, "backbone": backbone, "size": 32}
    assert ids.edit(photo, **words).latent.device.type == "cpu"
    with pytest.raises(ConfigError, match="expected the device of the backbone in memory, cpu"):
        ids.edit(photo, **words, engine__device="cuda:0")


def test_a_result_does_not_hold_its_backbone(
    photo: PIL.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[weakref.ref[Backbone]] = []
    load = Gaussian.load

    def tracked(self: Gaussian, device: torch.device) -> GaussianWorld:
        backbone = load(self, device)
        loaded.append(weakref.ref(backbone))
        return backbone

    monkeypatch.setattr(Gaussian, "load", tracked)
    result = ids.edit(photo, **PROMPTS, **WORDS)
    gc.collect()
    assert loaded[0]() is None
    assert result.metrics()["psnr"] > 0


def test_a_session_does_not_hold_the_images_of_its_calls(photo: PIL.Image) -> None:
    session = ids.Session()
    result = ids.edit(photo, **PROMPTS, **WORDS, session=session, store="kept")
    image = weakref.ref(result.case.source)
    del result
    gc.collect()
    assert image() is None


@pytest.mark.parametrize("value", [np.float64(0.25), np.float32(0.25), torch.tensor(0.25)])
def test_numbers_of_numpy_and_torch_are_numbers(value: object) -> None:
    assert literal(value) == "0.25"
    assert literal(np.int64(3)) == "3"
    assert literal(Path("a b")) == "'a b'"


def test_compare_refuses_states_and_nothing(photo: PIL.Image) -> None:
    ids.edit(photo, **PROMPTS, **WORDS, store="kept")
    with pytest.raises(ConfigError, match="expected results; got an empty frame"):
        ids.compare(ids.results("kept", method="sds"))
    with pytest.raises(ConfigError, match="expected a line per edit; got kept states"):
        ids.compare(ids.results("kept", states=True))


def test_compare_warns_of_an_absent_baseline(
    photo: PIL.Image, caplog: pytest.LogCaptureFixture
) -> None:
    ids.edit(photo, **PROMPTS, **WORDS, store="kept")
    with caplog.at_level(logging.WARNING):
        table = ids.compare(ids.results("kept"), baseline="ddss", columns="psnr")
    assert isinstance(table, pd.DataFrame)
    assert "baseline 'ddss' is not among the results (ids)" in caplog.text
    assert list(table["against"]) == [""]
