"""Model folders in all layouts of their weights: one file, shards, half precision, older names."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
import torch
from malformed_tries.folders import TEXT, UNET, VAE, cut, tensors
from model_folders import identity, refusal, with_older_names
from safetensors.torch import load_file, save_file

from ids.backbones import StableDiffusion
from ids.core.errors import ConfigError


@pytest.fixture
def folder(tiny_sd: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_sd, tmp_path / "sd"))


def test_a_changed_folder_is_checked_again(folder: Path) -> None:
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
    message = refusal(folder)
    assert f"which holds {kind}" in message
    assert "missing: unet" in message


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


def test_shards_equal_one_file(folder: Path) -> None:
    before, whole = identity(folder), answer(folder)
    for name in STEMS.values():
        sharded((folder / name).parent, (folder / name).stem)
    assert torch.equal(answer(folder), whole)
    assert identity(folder) != before  # only the content of the files counts
    (shard,) = (folder / "unet").glob("*-00002-of-00002.safetensors")
    shard.unlink()
    assert f"2 shards beside it; 1 missing: {shard.name}" in refusal(folder)
    index = folder / "unet/diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../../secret.safetensors"}}))
    assert "a weight_map that names files beside it" in refusal(folder)


def test_half_precision_is_read_if_nothing_else_exists(folder: Path) -> None:
    before, whole = identity(folder), answer(folder)
    for name in STEMS.values():
        halved((folder / name).parent, (folder / name).stem)
    assert identity(folder) == before  # the full weights are read, and decide
    for name in STEMS.values():
        (folder / name).unlink()
    assert identity(folder) != before
    torch.testing.assert_close(answer(folder), whole, atol=5e-3, rtol=5e-3)


def test_names_and_extras_of_older_files_are_accepted(folder: Path) -> None:
    whole = answer(folder)
    with_older_names(folder)
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
        message = refusal(folder)
        assert "a pickle, which is never read" in message
        command = shlex.split(message[message.index("python -c") :])
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
