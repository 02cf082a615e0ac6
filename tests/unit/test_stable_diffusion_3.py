"""Stable Diffusion 3 folders, loaded: against diffusers."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import InProcess
from malformed_tries.folders import config, tensors
from safetensors.torch import load_file, save_file

from ids.backbones import LatentFlow, StableDiffusion, StableDiffusion3, from_pipeline
from ids.backbones.tuning import check_tuning
from ids.core.errors import ConfigError, DataError, UnsupportedError
from ids.core.prompt import Prompt
from ids.diffusion import predict_z0
from ids.doctor.presets import needed_files
from ids.run import Engine

CPU = torch.device("cpu")
TEXTS = ["a red circle", "a blue square"]
TRANSFORMER = "transformer/diffusion_pytorch_model.safetensors"
T5 = "text_encoder_3/model.safetensors"


@pytest.fixture(scope="module")
def backbone(tiny_sd3: Path) -> LatentFlow:
    return StableDiffusion3(str(tiny_sd3)).load(CPU)


@pytest.fixture
def folder(tiny_sd3: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_sd3, tmp_path / "model"))


def pipeline(folder: Path) -> Any:
    """That of diffusers."""
    from diffusers import (
        AutoencoderKL,
        FlowMatchEulerDiscreteScheduler,
        SD3Transformer2DModel,
        StableDiffusion3Pipeline,
    )
    from transformers import (
        CLIPTextModelWithProjection,
        CLIPTokenizer,
        PreTrainedTokenizerFast,
        T5EncoderModel,
    )

    t5, file = folder / "text_encoder_3", str(folder / "tokenizer_3/tokenizer.json")
    third = (
        (
            T5EncoderModel.from_pretrained(t5),
            PreTrainedTokenizerFast(tokenizer_file=file, pad_token="<pad>"),
        )
        if t5.is_dir()
        else (None, None)
    )
    return StableDiffusion3Pipeline(
        SD3Transformer2DModel.from_pretrained(folder / "transformer"),
        FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler"),
        AutoencoderKL.from_pretrained(folder / "vae"),
        CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder"),
        CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2"),
        CLIPTokenizer.from_pretrained(folder / "tokenizer_2"),
        *third,
    )


@pytest.mark.parametrize("with_t5", [True, False])
def test_prompts_and_velocity_are_those_of_diffusers(folder: Path, with_t5: bool) -> None:
    if not with_t5:
        for part in ("text_encoder_3", "tokenizer_3"):
            shutil.rmtree(folder / part)
    ours, theirs = StableDiffusion3(str(folder)).load(CPU), pipeline(folder)
    y = ours.prompt(TEXTS)
    with torch.no_grad():
        embedding, null, pooled, _ = theirs.encode_prompt(TEXTS, None, None)
    torch.testing.assert_close(y.embedding, embedding)
    torch.testing.assert_close(ours.prompt([""]).embedding, null[:1])
    torch.testing.assert_close(y.extra["pooled"], pooled)
    theirs.scheduler.set_timesteps(10)
    time, z = theirs.scheduler.timesteps[3].expand(2), torch.randn(2, 16, 8, 8)
    with torch.no_grad():
        v = theirs.transformer(z, embedding, pooled, time, return_dict=False)[0]
    t = ours.denoiser.schedule.unshifted(time.double() / 1000) * 1000
    torch.testing.assert_close(ours.velocity(z, y, t), v, atol=1e-5, rtol=1e-4)


def test_images_are_encoded_as_by_diffusers(backbone: LatentFlow, tiny_sd3: Path) -> None:
    vae, x = pipeline(tiny_sd3).vae, torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        latents = (vae.encode(2 * x - 1).latent_dist.mode() - 0.0609) * 1.5305
        image = vae.decode(latents / 1.5305 + 0.0609).sample / 2 + 0.5
    torch.testing.assert_close(backbone.encode(x), latents)
    torch.testing.assert_close(backbone.decode(latents), image.clamp(0, 1))


def test_the_noise_prediction_leaves_the_posterior_mean(backbone: LatentFlow) -> None:
    """z_0|t = z_t - sigma v, by the same formula as for every other backbone."""
    z_t, y, t = torch.randn(2, 16, 8, 8), backbone.prompt(TEXTS), torch.tensor([200, 900])
    z_0 = predict_z0(backbone.schedule, z_t, backbone.eps(z_t, y, t), t)
    expected = z_t - backbone.schedule.sigma(t) * backbone.velocity(z_t, y, t)
    torch.testing.assert_close(z_0, expected, atol=1e-4, rtol=1e-4)


def test_both_predictions_have_gradients(backbone: LatentFlow) -> None:
    z_t = torch.randn(1, 16, 8, 8, requires_grad=True)
    backbone.eps(z_t, backbone.prompt(TEXTS[:1]), torch.tensor([500])).square().sum().backward()
    assert z_t.grad is not None
    assert z_t.grad.abs().max() > 0
    assert all(p.grad is None for p in backbone.denoiser.transformer.parameters())


def test_half_precision_keeps_what_overflows(folder: Path) -> None:
    half = StableDiffusion3(str(folder), "fp16").load(CPU)
    t5 = half.text.t5.encoder  # type: ignore[attr-defined]
    kinds = {name.rsplit(".", 2)[-2] for name, p in t5.named_parameters() if p.dtype.itemsize == 4}
    assert kinds == {"wo"}
    assert {p.dtype for p in half.denoiser.transformer.parameters()} == {torch.float16}
    assert half.prompt(TEXTS).embedding.dtype == torch.float32
    tensors(TRANSFORMER, lambda f: f | {"proj_out.bias": f["proj_out.bias"] + 1e6})(folder)
    with pytest.raises(ConfigError, match=r"backbone\.precision: .*transformer"):
        StableDiffusion3(str(folder), "fp16").load(CPU)


def test_t5_has_one_embedding_under_either_name(folder: Path, backbone: LatentFlow) -> None:
    stored = load_file(folder / T5)
    shared = stored.pop("shared.weight")
    for names in (
        ["encoder.embed_tokens.weight"],
        ["encoder.embed_tokens.weight", "shared.weight"],
    ):
        save_file(stored | {name: shared.clone() for name in names}, folder / T5)
        y = StableDiffusion3(str(folder)).load(CPU).prompt(TEXTS)
        assert torch.equal(y.embedding, backbone.prompt(TEXTS).embedding)


def test_the_identity_follows_every_part(folder: Path) -> None:
    def identity() -> str:
        return StableDiffusion3(str(folder)).identity()["weights"]

    seen = [identity()]
    config("scheduler", shift=2.0)(folder)
    seen.append(identity())
    tensors(T5, lambda f: f | {"shared.weight": f["shared.weight"] + 1})(folder)
    seen.append(identity())
    words = folder / "tokenizer_3/tokenizer.json"
    words.write_text(words.read_text().replace('"red"', '"rot"'))
    seen.append(identity())
    shutil.rmtree(folder / "text_encoder_3")
    shutil.rmtree(folder / "tokenizer_3")
    seen.append(identity())
    assert len(set(seen)) == 5


def test_a_long_prompt_is_refused_or_cut(tiny_sd3: Path, backbone: LatentFlow) -> None:
    long = "red " * 20
    with pytest.raises(DataError, match="expected at most 14 tokens"):
        backbone.prompt([long])
    cut = StableDiffusion3(str(tiny_sd3), truncate=True).load(CPU)
    assert isinstance(cut.prompt([long]), Prompt)
    t5: Any = backbone.text.t5  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="expected at most 255 tokens of T5; got 300"):
        t5("red " * 300)
    assert cut.text.t5("red " * 300).shape == (1, 256, 24)  # type: ignore[attr-defined]


def test_every_file_is_listed(tiny_sd3: Path) -> None:
    files = needed_files(["backbone=flow", f"backbone.path={tiny_sd3}"], ["backbone"])
    assert len(files) == 5 * 2 + 3 + 1
    assert all(file.found for _, file in files)


@pytest.mark.parametrize(
    "method",
    [
        "flowedit n_steps=3 n_max=3 n_min=1",
        "ids n_steps=1",
        pytest.param("dvrf n_steps=2", marks=pytest.mark.slow),
    ],
)
def test_a_run(in_process: InProcess, tiny_sd3: Path, method: str) -> None:
    name, *values = method.split()
    words = [f"method={name}", *(f"method.{value}" for value in values), "dataset.count=1"]
    words += ["backbone=flow", f"backbone.path={tiny_sd3}", "backbone.image_size=64"]
    status, out, err = in_process("run", *words, "metrics=shapes", "controls=none", "logger=none")
    assert status == 0, err
    assert f"{name}: 1 of 1 edits" in out + err


def test_a_pipeline_in_memory_is_refused_by_name(tiny_sd3: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"got Stable Diffusion 3.*StableDiffusion3\(FOLDER"):
        from_pipeline(pipeline(tiny_sd3))


@pytest.mark.parametrize(
    "option",
    [
        {"graphs": True},
        {"channels_last": True},
        {"attention": "math"},
        {"compile": True},
        {"checkpointing": True},
        {"offload": True},
    ],
    ids=str,
)
def test_an_engine_option_without_effect_is_refused(option: dict[str, Any]) -> None:
    """A flow in memory is used as it was loaded, and a UNet has all of them."""
    tuning, source = Engine(**option).tuning, StableDiffusion3("missing")
    (name,) = option
    with pytest.raises(ConfigError, match=rf"^engine\.{name}: expected .* with backbone=flow"):
        check_tuning(source, tuning, "flow")
    check_tuning(source, Engine(graphs=False, channels_last=False).tuning, "flow")
    check_tuning(StableDiffusion("missing"), tuning, "sd15")


def test_a_run_refuses_it_before_the_folder_is_read(in_process: InProcess) -> None:
    words = ("backbone=flow", "backbone.path=missing", "engine.compile=true", "logger=none")
    code, _, errors = in_process("run", *words)
    assert code == 2
    assert len(errors.strip().splitlines()) == 1
    assert errors.startswith("ids: ConfigError: engine.compile: expected false")
