"""LPIPS and CLIP from files of the user, end to end."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from conftest import TINY_CLIP, Ids
from PIL import Image
from safetensors.torch import load_file, save_file


@pytest.fixture
def judges(tmp_path: Path) -> tuple[str, ...]:
    """A network for LPIPS and a CLIP, random, in the places and under the names they would have."""
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    torch.save(squeezenet1_1().state_dict(), tmp_path / "squeeze.pth")
    digest = hashlib.sha256((tmp_path / "squeeze.pth").read_bytes()).hexdigest()[:8]
    (tmp_path / "squeeze.pth").rename(tmp_path / f"squeezenet-{digest}.pth")
    folder = tmp_path / "tiny-clip"
    folder.mkdir()
    network = CLIP(
        8, CLIPVisionCfg(**TINY_CLIP["vision_cfg"]), CLIPTextCfg(**TINY_CLIP["text_cfg"])
    )
    save_file(network.state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": TINY_CLIP}))
    return (
        "metrics=paper",
        "metrics.lpips.net=squeeze",
        f"metrics.lpips.backbone={tmp_path / f'squeezenet-{digest}.pth'}",
        f"clip.model=local-dir:{folder}",
        "clip.checkpoint=null",
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in (("one", (200, 30, 40)), ("two", (20, 90, 160))):
        Image.new("RGB", (64, 64), colour).save(folder / f"{name}.png")
    table = "image,source,target\none.png,a cat,a dog\ntwo.png,a bike,a car\n"
    (folder / "edits.csv").write_text(table)
    return folder


def test_a_run_on_stable_diffusion_is_judged_and_matched(
    ids: Ids, tiny_sd: Path, photos: Path, judges: tuple[str, ...]
) -> None:
    words = ("backbone=stable_diffusion", f"backbone.path={tiny_sd}", "backbone.image_size=64")
    data = ("dataset=folder", f"dataset.path={photos}", "logger=files")
    run = ("-m", "method=sds,dds", "method.n_steps=4", "keep_every=2")
    done = ids("run", *run, *words, *data, *judges)
    assert done.returncode == 0, done.stderr
    for name in ("LPIPS squeeze", "CLIP dir.", "tiny-clip-", "squeeze-", ": lpips_squeeze"):
        assert name in done.stdout
    assert "feat. dist." not in done.stdout
    table = ids("table", "--matched", "--axis", "latent_distance")
    assert "where latent distance first reaches" in table.stdout, table.stderr
    assert "CLIP dir." in table.stdout
    paths = (ids.folder / "outputs" / "results").rglob("metrics-*.json")
    found = [json.loads(path.read_text()) for path in paths]
    stopped = [record for record in found if record["steps"]]
    assert len(stopped) == 4
    for record in stopped:
        assert record["steps"] == [0, 2, 4]
        (score,) = (v for key, v in record["along"].items() if key.startswith("clip_score"))
        assert all(-1 <= value <= 1 for value in score)


def test_a_clip_without_weights_is_refused_before_any_edit(ids: Ids) -> None:
    done = ids("run", "debug=fast", "metrics=paper", "~metrics.lpips", "clip.checkpoint=null")
    assert done.returncode == 2
    assert "would be random" in done.stderr
    assert ids.results() == []
    done = ids("run", "debug=fast", "metrics=paper", "~metrics.lpips")
    assert done.returncode == 1
    assert "clip.checkpoint=/path/to/file" in done.stderr
    assert "Traceback" not in done.stderr
    assert ids.results() == []


def test_a_network_with_nan_is_refused_before_any_edit(ids: Ids, judges: tuple[str, ...]) -> None:
    folder = Path(next(word for word in judges if "local-dir:" in word).partition("local-dir:")[2])
    file = folder / "open_clip_model.safetensors"
    tensors = load_file(file)
    save_file(tensors | {"logit_scale": torch.tensor(torch.nan)}, file)
    done = ids("run", "debug=fast", *judges, "~metrics.lpips")
    assert done.returncode == 1
    assert "logit_scale holds NaN" in done.stderr
    assert not list((ids.folder / "outputs").glob("results/*/*"))
