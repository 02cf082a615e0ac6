"""Model folders: whole and Stable Diffusion, or refused by name before the first edit."""

import json
import re
import shlex
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ids.backbones import StableDiffusion
from ids.core.errors import ConfigError, WeightsError

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
Change = Callable[[Path], object]


@pytest.fixture
def folder(tiny_sd: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_sd, tmp_path / "sd"))


def identity(folder: Path) -> str:
    return StableDiffusion(str(folder)).identity()["weights"]


def refusal(folder: Path) -> str:
    """What is said, in one line, by the question before the first edit."""
    with pytest.raises(WeightsError) as raised:
        identity(folder)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def config(part: str, **entries: object) -> Change:
    """Set entries of a part's configuration; None in their place takes one out."""

    def change(folder: Path) -> None:
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        file = folder / part / name
        told = json.loads(file.read_text()) | entries
        file.write_text(json.dumps({k: v for k, v in told.items() if v is not None}))

    return change


def tensors(name: str, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    def change(folder: Path) -> None:
        found = load_file(folder / name)
        save_file(edit(found), folder / name, metadata={"format": "pt"})

    return change


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda found: {n: x for n, x in found.items() if name not in n}


def content(name: str, content: bytes) -> Change:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str, at: int) -> Change:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:at])


def header(told: bytes) -> bytes:
    return struct.pack("<Q", len(told)) + told + b"0000"


HUGE = header(
    b'{"conv_in.bias":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}'
)
FAULTS: dict[str, tuple[Change, str]] = {
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
    "another text encoder's words": (
        config("unet", cross_attention_dim=64),
        "attends to the text encoder's 32 features; unet cross_attention_dim is 64",
    ),
    "inpainting": (config("unet", in_channels=9), "this is an inpainting model"),
    "InstructPix2Pix": (config("unet", in_channels=8), "this is InstructPix2Pix"),
    "depth": (config("unet", in_channels=5), "this is a depth-to-image model"),
    "variance": (config("unet", out_channels=8), "answers in more than noise"),
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
    "only images of weights": (
        lambda f: (f / UNET).rename(f / "unet/x.safetensors"),
        "expected diffusion_pytorch_model.safetensors in .*; there is none",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_folder_that_is_not_whole_is_refused_by_name(folder: Path, fault: str) -> None:
    change, told = FAULTS[fault]
    change(folder)
    assert re.search(told, refusal(folder))


def test_a_folder_that_changes_is_looked_at_again(folder: Path) -> None:
    before = identity(folder)
    tensors(UNET, lambda found: found | {"conv_out.bias": found["conv_out.bias"] + 1})(folder)
    assert identity(folder) != before
    cut(UNET, -1)(folder)
    assert "cut short" in refusal(folder)


@pytest.mark.parametrize(
    ("pipeline", "kind"),
    [("FluxPipeline", "FLUX"), ("StableDiffusion3Pipeline", "Stable Diffusion 3")],
)
def test_a_folder_without_these_parts_is_named_by_its_index(
    folder: Path, pipeline: str, kind: str
) -> None:
    shutil.rmtree(folder / "unet")
    (folder / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    told = refusal(folder)
    assert f"which holds {kind}" in told
    assert "missing: unet" in told


def halved(folder: Path, stem: str) -> None:
    state = load_file(folder / f"{stem}.safetensors")
    half = {n: x.half() for n, x in state.items()}
    save_file(half, folder / f"{stem}.fp16.safetensors", metadata={"format": "pt"})


def sharded(folder: Path, stem: str) -> None:
    state = load_file(folder / f"{stem}.safetensors")
    (folder / f"{stem}.safetensors").unlink()
    names = sorted(state)
    files = [f"{stem}-0000{k}-of-00002.safetensors" for k in (1, 2)]
    of = {name: files[k % 2] for k, name in enumerate(names)}
    for file in files:
        save_file({n: state[n] for n in names if of[n] == file}, folder / file)
    index = {"metadata": {}, "weight_map": of}
    (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index))


def answer(folder: Path) -> torch.Tensor:
    backbone = StableDiffusion(str(folder)).load(torch.device("cpu"))
    z = torch.ones(1, 4, 8, 8)
    with torch.no_grad():
        eps = backbone.eps(z, backbone.prompt(["a red circle"]), torch.tensor([500]))
    return torch.cat([eps, backbone.encode(backbone.decode(z))])


STEMS = {"unet": UNET, "vae": VAE, "text_encoder": TEXT}


def test_shards_answer_as_one_file_does(folder: Path) -> None:
    before, whole = identity(folder), answer(folder)
    for name in STEMS.values():
        sharded((folder / name).parent, (folder / name).stem)
    assert torch.equal(answer(folder), whole)
    assert identity(folder) != before  # other files: what decides is their content
    (shard,) = (folder / "unet").glob("*-00002-of-00002.safetensors")
    shard.unlink()
    assert f"2 shards beside it; 1 missing: {shard.name}" in refusal(folder)
    index = folder / "unet/diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../../secret.safetensors"}}))
    assert "a weight_map that names files beside it" in refusal(folder)


def test_half_precision_is_read_where_there_is_nothing_else(folder: Path) -> None:
    before, whole = identity(folder), answer(folder)
    for name in STEMS.values():
        halved((folder / name).parent, (folder / name).stem)
    assert identity(folder) == before  # the full weights are read, and decide
    for name in STEMS.values():
        (folder / name).unlink()
    assert identity(folder) != before
    torch.testing.assert_close(answer(folder), whole, atol=5e-3, rtol=5e-3)


def test_names_and_extras_of_older_files_are_understood(folder: Path) -> None:
    whole = answer(folder)

    def older_text(found: dict[str, Any]) -> dict[str, Any]:
        extras = {"embeddings.position_ids": torch.arange(16)[None]}
        named = {f"text_model.{n}": x for n, x in (found | extras).items()}
        return named | {"text_projection.weight": torch.zeros(32, 32)}

    def older_vae(found: dict[str, Any]) -> dict[str, Any]:
        old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
        new = {n: re.sub(r"to_[qkv]|to_out\.0", lambda m: old[m[0]], n) for n in found}
        assert sum(n != m for n, m in new.items()) == 16
        return {new[n]: x for n, x in found.items()}

    tensors(TEXT, older_text)(folder)
    tensors(VAE, older_vae)(folder)
    assert torch.equal(answer(folder), whole)
    twice = load_file(folder / TEXT)
    twice["final_layer_norm.bias"] = torch.zeros(32)
    save_file(twice, folder / TEXT)
    assert "1 extra: " in refusal(folder)


def test_a_hub_cache_of_links_is_read(folder: Path, tmp_path: Path) -> None:
    before = identity(folder)
    (tmp_path / "blobs").mkdir()
    for number, file in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        blob = file.rename(tmp_path / "blobs" / str(number))
        file.symlink_to(blob)
    assert identity(folder) == before


def test_pickles_are_refused_with_a_command_that_converts_them(folder: Path) -> None:
    before, whole = identity(folder), answer(folder)
    for name, file in ((UNET, "diffusion_pytorch_model.bin"), (TEXT, "pytorch_model.bin")):
        torch.save(load_file(folder / name), (folder / name).with_name(file))
        (folder / name).unlink()
    for name in (UNET, TEXT):
        told = refusal(folder)
        assert "a pickle, which is not read here" in told
        command = shlex.split(told[told.index("python -c") :])
        exec(command[2], {})
        assert (folder / name).is_file()
    assert torch.equal(answer(folder), whole)
    assert len(identity(folder)) == len(before)


def test_weights_too_large_for_half_precision_are_refused(folder: Path) -> None:
    large = {"conv_out.bias": torch.full((4,), 1e6)}
    tensors(UNET, lambda found: found | large)(folder)
    with pytest.raises(ConfigError, match=r"backbone\.precision: .* conv_out\.bias holds infinity"):
        StableDiffusion(str(folder), "fp16").load(torch.device("cpu"))
    StableDiffusion(str(folder), "bf16").load(torch.device("cpu"))
