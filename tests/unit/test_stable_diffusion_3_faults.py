"""Stable Diffusion 3 folders that are damaged or of another model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from malformed_tries.folders import config, tensors

from ids.backbones import StableDiffusion, StableDiffusion3
from ids.core.errors import WeightsError

TRANSFORMER = "transformer/diffusion_pytorch_model.safetensors"
T5 = "text_encoder_3/model.safetensors"
Change = Callable[[Path], None]


@pytest.fixture
def folder(tiny_sd3: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_sd3, tmp_path / "model"))


def remove(*parts: str) -> Change:
    return lambda folder: [shutil.rmtree(folder / part) for part in parts] and None


def words(change: Callable[[dict[str, Any]], Any]) -> Change:
    """Changes the vocabulary of T5."""

    def changed(folder: Path) -> None:
        file = folder / "tokenizer_3/tokenizer.json"
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))

    return changed


FAULTS: dict[str, tuple[Change, str]] = {
    "no transformer": (remove("transformer"), "missing: transformer"),
    "no second text encoder": (remove("text_encoder_2"), "missing: text_encoder_2"),
    "T5 without its tokenizer": (remove("tokenizer_3"), "tokenizer_3/tokenizer.json"),
    "another scheduler": (
        config("scheduler", _class_name="DDPMScheduler"),
        "expected the FlowMatchEulerDiscreteScheduler",
    ),
    "no shift": (config("scheduler", shift=0), "expected shift, a number above 0; got 0"),
    "dynamic shift": (config("scheduler", use_dynamic_shifting=True), "to be unset; got True"),
    "no timesteps": (config("scheduler", num_train_timesteps=0), "num_train_timesteps of 1"),
    "other pooled width": (
        config("transformer", pooled_projection_dim=11),
        "expected pooled_projection_dim 10",
    ),
    "other T5": (config("text_encoder_3", d_model=16), "attends to T5's 16 features; got 24"),
    "narrow attention": (config("transformer", joint_attention_dim=19), "of 20 or more"),
    "other latents": (config("vae", latent_channels=4), "the autoencoder's 4 channels"),
    "another network": (config("transformer", _class_name="Flux"), "its transformer is a 'Flux'"),
    "another text encoder": (
        config("text_encoder_3", model_type="umt5"),
        "its text_encoder_3 is 'umt5', not T5's",
    ),
    "no number": (config("transformer", num_layers="2"), "expected num_layers, a whole number"),
    "too deep": (config("transformer", num_layers=10**5), "num_layers of 1 to 200"),
    "code": (config("transformer", auto_map={"A": "b"}), "expected a configuration that runs no"),
    "NaN": (
        tensors(TRANSFORMER, lambda f: f | {"proj_out.bias": f["proj_out.bias"] * torch.nan}),
        "proj_out.bias holds NaN",
    ),
    "a layer of T5 missing": (
        tensors(T5, lambda f: {n: x for n, x in f.items() if "block.1" not in n}),
        "expected the tensors of the T5EncoderModel",
    ),
    "no end token": (words(lambda c: c.update(post_processor=None)), "that ends a text"),
    "ids beyond": (words(lambda c: c["model"]["vocab"].update(zz=10**6)), "expected ids below"),
    "no tokenizer": (words(lambda c: c.pop("model")), "expected a T5 tokenizer"),
}


@pytest.mark.parametrize(("change", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_line(folder: Path, change: Change, message: str) -> None:
    change(folder)
    with pytest.raises(WeightsError) as raised:
        StableDiffusion3(str(folder)).identity()
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_kinds_are_not_confused(folder: Path, tiny_sd: Path) -> None:
    with pytest.raises(WeightsError, match="missing: unet"):
        StableDiffusion(str(folder)).identity()
    with pytest.raises(WeightsError, match="missing: transformer, text_encoder_2"):
        StableDiffusion3(str(tiny_sd)).identity()
    with pytest.raises(WeightsError, match="does not exist"):
        StableDiffusion3("./nowhere").identity()
    with pytest.raises(ValueError, match=r"backbone\.precision: expected one of fp32"):
        StableDiffusion3(str(folder), "fp8")
