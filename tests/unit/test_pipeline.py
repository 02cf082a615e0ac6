"""A diffusers pipeline in memory: bitwise the backbone of its folder, or refused by name."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_sd import write_tiny_sd
from torch import nn

from ids.backbones import (
    Gaussian,
    LatentDiffusion,
    StableDiffusion,
    from_pipeline,
    in_memory,
    weights_id,
)
from ids.core.capabilities import PosteriorSchedule
from ids.core.errors import ConfigError, IdsError, UnsupportedError, WeightsError
from ids.core.protocols import BackboneSource

CPU = torch.device("cpu")
TEXTS = ["a plain red circle", "a striped blue square", ""]


def pipeline(folder: Path) -> Any:
    from diffusers import (
        AutoencoderKL,
        PNDMScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextModel, CLIPTokenizer

    return StableDiffusionPipeline(
        unet=UNet2DConditionModel.from_pretrained(folder / "unet"),
        vae=AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        scheduler=PNDMScheduler.from_pretrained(
            folder / "scheduler", clip_sample=False, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.fixture
def pipe(tiny_sd: Path) -> Any:
    return pipeline(tiny_sd)


def answers(backbone: LatentDiffusion) -> list[torch.Tensor]:
    z = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    y = backbone.prompt(TEXTS)
    with torch.no_grad():
        eps = backbone.eps(z, y, torch.tensor([3, 500, 999]))
    x = backbone.decode(z)
    prompts = (
        [t for t in vars(y).values() if isinstance(t, torch.Tensor)]
        if not (isinstance(y, torch.Tensor))
        else [y]
    )
    return [eps, x, backbone.encode(x), *prompts]


def equal(a: LatentDiffusion, b: LatentDiffusion) -> bool:
    return all(torch.equal(x, y) for x, y in zip(answers(a), answers(b), strict=True))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_pipeline_equals_its_folder_bitwise(
    tmp_path: Path, prediction: str, precision: str
) -> None:
    write_tiny_sd(tmp_path, prediction)
    pipe = pipeline(tmp_path)
    if precision == "bf16":
        pipe.unet.bfloat16()
        pipe.text_encoder.bfloat16()
    backbone = from_pipeline(pipe)
    folder = StableDiffusion(str(tmp_path), precision).load(CPU)
    assert equal(backbone, folder)
    assert backbone.denoiser.prediction == prediction
    assert backbone.tokens("a red circle") == folder.tokens("a red circle")
    assert torch.equal(backbone.schedule.alpha_bar, folder.schedule.alpha_bar)  # type: ignore[attr-defined]


def test_the_pipeline_is_not_changed_and_shares_its_weights(pipe: Any) -> None:
    pipe.unet.train()
    backbone = from_pipeline(pipe)
    ours, theirs = backbone.denoiser.unet, pipe.unet
    for part in ("unet", "vae", "text_encoder"):
        assert all(p.requires_grad for p in getattr(pipe, part).parameters())
    assert theirs.training
    assert not ours.training
    assert not any(p.requires_grad for p in ours.parameters())
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    assert all(a.data_ptr() == b.data_ptr() for a, b in pairs)
    z = torch.zeros(1, 4, 8, 8, requires_grad=True)
    backbone.eps(z, backbone.prompt(["a circle"]), torch.tensor([5])).sum().backward()
    assert z.grad is not None
    assert all(p.grad is None for p in theirs.parameters())


def test_weights_changed_in_place_are_seen_and_named(pipe: Any) -> None:
    backbone = from_pipeline(pipe)
    before, source = answers(backbone), in_memory(backbone)
    weights = source.identity()
    with torch.no_grad():
        pipe.unet.conv_out.bias += 1
    assert not torch.equal(answers(backbone)[0], before[0])
    assert source.identity() == weights
    assert in_memory(backbone).identity() != weights


def test_the_digest_is_of_the_content(pipe: Any, tiny_sd: Path, tmp_path: Path) -> None:
    first = weights_id(from_pipeline(pipe))
    pipe.save_pretrained(tmp_path)
    assert weights_id(from_pipeline(pipeline(tmp_path))) == first
    others = {first, weights_id(from_pipeline(pipe, truncate=True))}
    for change in (
        lambda pipe: pipe.vae.register_to_config(scaling_factor=0.5),
        lambda pipe: pipe.scheduler.register_to_config(beta_end=0.013),
        lambda pipe: pipe.scheduler.register_to_config(prediction_type="v_prediction"),
        lambda pipe: pipe.text_encoder.half(),
        lambda pipe: nn.init.zeros_(pipe.text_encoder.get_input_embeddings().weight),
    ):
        pipe = pipeline(tiny_sd)
        change(pipe)
        others.add(weights_id(from_pipeline(pipe)))
    assert len(others) == 7


def test_the_source_gives_what_an_experiment_needs(pipe: Any) -> None:
    source = in_memory(from_pipeline(pipe))
    assert isinstance(source, BackboneSource)
    assert source.gives == StableDiffusion.gives
    assert (source.image_size, source.fpr_scale) == (64, math.sqrt(4 * 8 * 8 / 16384))
    assert source.load(CPU) is source.backbone
    with pytest.raises(ConfigError, match=r"engine\.device: expected .*, cpu; got cuda"):
        source.load(torch.device("cuda"))
    assert in_memory(source.backbone, 128).fpr_scale == math.sqrt(4 * 16 * 16 / 16384)
    pipe.unet.register_to_config(sample_size=None)
    with pytest.raises(ConfigError, match=r"backbone\.image_size: expected"):
        in_memory(from_pipeline(pipe))


def test_the_exact_world_in_memory() -> None:
    world, other = (Gaussian(spread).load(CPU) for spread in (0.5, 0.6))
    source = in_memory(world, 32)
    assert math.isclose(source.fpr_scale, Gaussian.fpr_scale, rel_tol=1e-6)
    assert source.gives == {PosteriorSchedule}
    assert weights_id(world) != weights_id(other)


class TwoEncoders:
    """The parts of SDXL, as far as they are looked at."""

    def __init__(self, pipe: Any) -> None:
        vars(self).update(pipe.components, text_encoder_2=pipe.text_encoder)


class StableDiffusionXLPipeline(TwoEncoders):
    pass


def changed(change: Callable[[Any], object]) -> Callable[[Any], Any]:
    def apply(pipe: Any) -> Any:
        change(pipe)
        return pipe

    return apply


def nan(pipe: Any) -> None:
    nn.init.constant_(pipe.vae.decoder.conv_out.bias, math.nan)


def offload(pipe: Any) -> None:
    from accelerate.hooks import ModelHook, add_hook_to_module

    add_hook_to_module(pipe.unet, ModelHook())


REFUSED: dict[str, tuple[Callable[[Any], Any], type[IdsError], str]] = {
    "SDXL": (StableDiffusionXLPipeline, WeightsError, r"this is Stable Diffusion XL \(it has text"),
    "two encoders": (TwoEncoders, WeightsError, "this is a model with two text encoders"),
    "no pipeline": (
        lambda _: object(),
        UnsupportedError,
        "expected a diffusers StableDiffusionPipeline with unet, .*; missing: unet, vae, text_enc",
    ),
    "no unet": (
        changed(lambda p: setattr(p, "unet", None)),
        UnsupportedError,
        "backbone StableDiffusionPipeline: .*; missing: unet; pass",
    ),
    "inpainting": (
        changed(lambda p: p.unet.register_to_config(in_channels=9)),
        WeightsError,
        "this is an inpainting model",
    ),
    "flow": (
        changed(lambda p: p.scheduler.register_to_config(prediction_type="flow_prediction")),
        WeightsError,
        "scheduler: expected prediction_type epsilon or v_prediction; got flow_prediction",
    ),
    "another encoder": (
        changed(lambda p: p.unet.register_to_config(cross_attention_dim=64)),
        WeightsError,
        "attends to the text encoder's 32 features",
    ),
    "NaN": (changed(nan), WeightsError, r"vae: expected finite .*; decoder\.conv_out\.bias holds"),
    "two devices": (
        changed(lambda p: p.vae.to("meta")),
        UnsupportedError,
        "on one device; got cpu, meta; load it without offloading",
    ),
    "offloaded": (changed(offload), UnsupportedError, "on one device; got an offloaded pipeline"),
    "more tokens": (
        changed(lambda p: p.tokenizer.add_tokens(["<cat-toy>"])),
        WeightsError,
        "expected token ids below the text encoder's vocab_size",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_another_kind_of_pipeline_is_refused_by_name(pipe: Any, kind: str) -> None:
    change, error, words = REFUSED[kind]
    with pytest.raises(error, match=words) as raised:
        from_pipeline(change(pipe))
    assert str(raised.value).isprintable()


def test_a_part_without_readable_content_has_no_digest() -> None:
    class Opaque:
        pass

    with pytest.raises(UnsupportedError, match=r"expected parts .*; got Opaque at its root"):
        weights_id(Opaque())
