"""Model folders that are damaged, incomplete or of another model, refused by name before the first
edit.
"""

import re
import shutil
from pathlib import Path

import pytest
import torch
from malformed_tries.folders import (
    TEXT,
    UNET,
    VAE,
    Change,
    config,
    content,
    cut,
    header,
    tensors,
)
from model_folders import refusal, without

Faults = dict[str, tuple[Change, str]]


@pytest.fixture
def folder(tiny_sd: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_sd, tmp_path / "sd"))


HUGE = header(
    b'{"conv_in.bias":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}'
)
WEIGHTS: Faults = {
    "a tensor missing": (
        tensors(UNET, without("conv_out.bias")),
        r"unet: expected .* UNet2DConditionModel .*; 1 missing: conv_out\.bias;",
    ),
    "a layer too many in the configuration": (
        config("text_encoder", num_hidden_layers=3),
        r"text_encoder: .*; 16 missing: encoder\.layers\.2\..*, \.\.\.;",
    ),
    "a layer too few": (
        config("text_encoder", num_hidden_layers=1),
        r"; 16 extra: .*encoder\.layers\.1\.",
    ),
    "a tensor beyond": (
        tensors(VAE, lambda found: found | {"decoder.more": torch.zeros(2)}),
        r"vae: .*; 1 extra: decoder\.more;",
    ),
    "a tensor of another shape": (
        tensors(UNET, lambda found: found | {"conv_in.bias": torch.zeros(7)}),
        r"1 wrong-shaped: conv_in\.bias \[7\] instead of \[16\]",
    ),
    "NaN": (
        tensors(UNET, lambda found: found | {"conv_out.bias": torch.full((4,), torch.nan)}),
        r"unet/diffusion_pytorch_model\.safetensors: conv_out\.bias holds NaN",
    ),
    "infinity in half precision": (
        tensors(VAE, lambda f: f | {"encoder.conv_in.bias": torch.full((8,), -torch.inf).half()}),
        r"vae/diffusion_pytorch_model\.safetensors: encoder\.conv_in\.bias holds infinity",
    ),
    "whole numbers for weights": (
        tensors(UNET, lambda found: found | {"conv_out.bias": torch.zeros(4, dtype=torch.int8)}),
        r"expected floating-point weights; got conv_out\.bias in I8",
    ),
    "cut short": (cut(UNET, -100), "unet/.* it is cut short: [0-9]+ of [0-9]+ bytes"),
    "cut in its header": (cut(TEXT, 60), "text_encoder/.* it is cut short"),
    "empty": (content(VAE, b""), "vae/.* the file is empty"),
    "a pointer": (
        content(VAE, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
        "vae/.* git-lfs pointer .*; run git lfs pull",
    ),
    "a web page": (content(VAE, b"<!DOCTYPE html><html>"), "vae/.* a web page"),
    "a pickle under that name": (content(VAE, b"PK\x03\x04" + b"0" * 99), "vae/.* is a pickle"),
    "noise": (content(VAE, bytes(range(200))), "vae/.* damaged, or of another kind"),
    "a tensor larger than any memory": (content(UNET, HUGE), "unet/.* damaged"),
    "only images of weights": (
        lambda f: (f / UNET).rename(f / "unet/x.safetensors"),
        "expected diffusion_pytorch_model.safetensors in .*; found none",
    ),
}
CONFIGURATIONS: Faults = {
    "broken JSON": (content("vae/config.json", b'{"a": '), r"vae/config\.json: expected JSON"),
    "deep JSON": (content("vae/config.json", b"[" * 100_000), r"vae/config\.json: expected JSON"),
    "JSON of another kind": (
        content("unet/config.json", b"[]"),
        "expected a JSON object; got list",
    ),
    "no configuration": (lambda f: (f / "unet/config.json").unlink(), "it does not exist"),
    "no such activation": (
        config("text_encoder", hidden_act="swoosh"),
        "text_encoder/config.json: .* cannot be built",
    ),
    "code": (config("unet", auto_map={"AutoModel": "evil.Net"}), "it asks for auto_map"),
    "code, deep": (config("vae", a=[{"trust_remote_code": True}]), "asks for trust_remote_code"),
    "code, in the index": (
        lambda f: (f / "model_index.json").write_text('{"trust_remote_code": true}'),
        r"model_index\.json: .* asks for trust_remote_code",
    ),
    "code, in a part that is not read": (
        lambda f: [
            (f / "safety_checker").mkdir(),
            (f / "safety_checker" / "config.json").write_text('{"auto_map": {"A": "b.C"}}'),
        ],
        r"safety_checker/config\.json: .* asks for auto_map",
    ),
}
OTHER_MODELS: Faults = {
    "another text encoder's words": (
        config("unet", cross_attention_dim=64),
        "attends to the text encoder's 32 features; unet cross_attention_dim is 64",
    ),
    "inpainting": (config("unet", in_channels=9), "this is an inpainting model"),
    "InstructPix2Pix": (config("unet", in_channels=8), "this is InstructPix2Pix"),
    "depth": (config("unet", in_channels=5), "this is a depth-to-image model"),
    "variance": (config("unet", out_channels=8), "predicts more than noise"),
    "SDXL": (config("unet", addition_embed_type="text_time"), "this is Stable Diffusion XL"),
    "SDXL's second encoder": (lambda f: (f / "text_encoder_2").mkdir(), "Stable Diffusion XL"),
    "LCM": (config("unet", time_cond_proj_dim=256), r"a latent consistency model \(LCM\)"),
    "LCM by its scheduler": (config("scheduler", _class_name="LCMScheduler"), "LCM"),
    "flow": (config("scheduler", _class_name="FlowMatchEulerDiscreteScheduler"), "flow-matching"),
    "classes": (config("unet", num_class_embeds=10), "further conditions"),
    "another autoencoder": (config("vae", _class_name="AutoencoderTiny"), "AutoencoderTiny"),
    "another text encoder": (config("text_encoder", model_type="t5"), "text encoder 't5'"),
    "other latents": (config("vae", latent_channels=16), "where latents have 16"),
    "gray images": (config("vae", out_channels=1), "an autoencoder of RGB images"),
    "latents scaled one by one": (config("vae", latents_mean=[0.0] * 4), "vae has latents_mean"),
    "channels by name": (config("unet", in_channels="4"), "in_channels, a whole number"),
    "a million layers": (config("text_encoder", num_hidden_layers=999_999), "of 1 to 200"),
    "a scale beyond all numbers": (config("vae", scaling_factor=10**400), "vae scaling_factor"),
}
SCHEDULES: Faults = {
    "a beta beyond all numbers": (config("scheduler", beta_end=10**400), "0 < beta_start"),
    "no scheduler": (
        lambda f: (f / "scheduler/scheduler_config.json").unlink(),
        r"scheduler/scheduler_config\.json: expected a file",
    ),
    "no steps": (config("scheduler", num_train_timesteps=0), "num_train_timesteps of 1 to"),
    "steps unsaid": (config("scheduler", num_train_timesteps=None), "num_train_timesteps of 1 to"),
    "steps in words": (config("scheduler", num_train_timesteps="1000"), "num_train_timesteps"),
    "betas unsaid": (config("scheduler", beta_start=None), "0 < beta_start <= beta_end < 1"),
    "betas the wrong way": (config("scheduler", beta_start=0.5), "0 < beta_start <= beta_end < 1"),
    "betas beyond 1": (config("scheduler", beta_end=1.0), "0 < beta_start <= beta_end < 1"),
    "no noise": (config("scheduler", beta_start=0.0), "0 < beta_start <= beta_end < 1"),
    "betas of NaN": (config("scheduler", beta_end=float("nan")), "0 < beta_start"),
    "another schedule": (config("scheduler", beta_schedule="cosine"), "got cosine"),
    "too few trained betas": (config("scheduler", trained_betas=[0.1] * 9), "1000 numbers"),
    "a beta of 2": (config("scheduler", trained_betas=[0.1] * 999 + [2.0]), "1000 numbers"),
    "sample": (config("scheduler", prediction_type="sample"), "prediction_type epsilon or v"),
    "zero SNR": (config("scheduler", rescale_betas_zero_snr=True), "zero terminal SNR"),
}
FAULTS = WEIGHTS | CONFIGURATIONS | OTHER_MODELS | SCHEDULES


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_folder_is_refused_by_name(folder: Path, fault: str) -> None:
    change, words = FAULTS[fault]
    change(folder)
    assert re.search(words, refusal(folder))
