"""`ids doctor GROUP=OPTION`: every file of a configuration, found or missing, without a network."""

import hashlib
import shutil
import socket
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from caches import point_at

from ids.cli.parser import parser
from ids.core.errors import ConfigError
from ids.doctor.presets import examine_files, needed_files, summarize_presets

SD = "stable-diffusion-v1-5/stable-diffusion-v1-5"
CLIP = "timm/vit_large_patch14_clip_224.openai"


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches, online settings, and no network: a connection fails the test."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    point_at(tmp_path / "hub", tmp_path / "torch", monkeypatch)
    return tmp_path


def cached(hub: Path, repository: str) -> Path:
    """An empty snapshot of a repository in the hub's cache."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    return folder / "snapshots" / ("0" * 40)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_missing_files_are_named_counted_and_an_error(
    caches: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert examine_files(["metrics=paper", "backbone=sd15"]) == 1
    found = lines(capsys)
    missing = [line for line in found if line.startswith("MISSING")]
    assert [line.partition(";")[0] for line in missing] == [
        f"MISSING  backbone: model repository, {caches / 'hub'}: {SD}",
        f"MISSING  metrics.lpips: network of lpips_alex, "
        f"{caches / 'torch/checkpoints/alexnet-owt-7be5be79.pth'}",
        f"MISSING  metrics.clip_score: CLIP ViT-L-14-quickgelu openai, {caches / 'hub'}: {CLIP}",
    ]
    assert "point HF_HOME at a cache" in missing[0]
    assert "fetch https://download.pytorch.org/models/alexnet" in missing[1]
    assert found[-1] == "missing: 3 of 3 files"


def test_found_files_have_their_place_and_size(
    caches: Path, tiny_sd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_sd, cached(caches / "hub", SD), dirs_exist_ok=True)
    clip = cached(caches / "hub", CLIP) / "open_clip_model.safetensors"
    clip.write_bytes(b"0" * 1_700_000)
    words = ["metrics=standard", "+metric=clip_score", "clip=vit_l14", "backbone=sd15"]
    assert examine_files(words) == 0
    found = lines(capsys)
    assert found[-1] == "all files are found"
    known = "(1.7 MB, no digest known)"
    assert any(str(clip) in line and line.endswith(known) for line in found)
    assert sum("backbone: " in line for line in found) == 8


def test_a_part_without_weights_is_missing(caches: Path, tiny_sd: Path) -> None:
    folder = Path(shutil.copytree(tiny_sd, caches / "sd"))
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    (folder / "scheduler" / "scheduler_config.json").unlink()
    words = ["backbone=stable_diffusion", f"backbone.path={folder}"]
    missing = [file.what for _, file in needed_files(words, ["backbone"]) if not file.found]
    assert missing == ["vae", "scheduler"]
    (_, gone), *_ = needed_files([words[0], f"backbone.path={folder}/none"], ["backbone"])
    assert (gone.what, gone.found) == ("model folder", False)


def test_the_embedded_world_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    assert examine_files(["experiments=demo"]) == 0
    assert any("shapes classifier" in line for line in lines(capsys))


def test_nothing_is_loaded_or_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("weights were read")

    monkeypatch.setattr(torch, "load", refuse)
    monkeypatch.setattr(hashlib, "file_digest", refuse)
    assert needed_files(["metrics=paper", "backbone=shapes"], ["backbone", "metrics"])


def test_a_data_set_without_a_table_is_missing(caches: Path) -> None:
    words = ["dataset=folder", f"dataset.path={caches}"]
    ((part, file),) = needed_files(words, ["dataset"])
    assert (part, file.found) == ("dataset", False)
    (caches / "edits.csv").write_text("image,source,target\n")
    ((_, file),) = needed_files(words, ["dataset"])
    assert file.place == str(caches / "edits.csv")


@pytest.mark.slow
def test_every_preset_has_one_line() -> None:
    summaries = dict(summarize_presets())
    assert summaries["backbone=shapes"] == summaries["metrics=shapes"] == ""
    assert summaries["metrics=paper"].startswith("missing: 2 of 2 files; `ids doctor metrics=paper")
    assert summaries["backbone=stable_diffusion"].startswith("backbone.path: expected a value")


def test_words_that_a_run_would_refuse() -> None:
    with pytest.raises(ConfigError, match="backbone=sd16"):
        examine_files(["backbone=sd16"])


def test_the_command_takes_words_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    def doctor(*words: str) -> int:
        args = parser().parse_args(["doctor", *words])
        return int(args.act(args, ()))

    assert doctor("backbone=sd14") == 1
    assert lines(capsys)[-1].startswith("missing: 1 of ")
    assert doctor("backbone=gaussian", "metrics=standard") == 0
    with pytest.raises(ConfigError, match=r"expected machine, shapes, shapes_wide or .*; got what"):
        doctor("backbone=sd14", "what")
