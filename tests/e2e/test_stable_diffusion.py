"""The Stable Diffusion path, on small networks of the true topology."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Ids
from PIL import Image
from tiny_sd import write_tiny_sd
from torch import nn

from ids.backbones import LatentDiffusion, StableDiffusion
from ids.core.edit import EditContext
from ids.core.errors import DataError, WeightsError
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion import Uniform
from ids.editing import DistillationEditor
from ids.methods import DDS, FPR, Refined
from ids.representations import LatentSpace

STEPS = {
    "ids": ("method.n_steps=3",),
    "ids_cut": ("method.n_steps=3",),
    "p2p": ("inversion.n_steps=3", "dataset.blend=circle square", "dataset.weights=blue:2"),
    "pnp": ("inversion.n_steps=3", "method.n_steps=3", "method.negative_prompt=a gray square"),
}
PROMPTS = ("--source", "a red circle", "--target", "a blue square")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (80, 100, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg")
    return tmp_path / "photo.jpg"


def backbone_words(folder: Path) -> tuple[str, ...]:
    return ("--backbone", "stable_diffusion", f"backbone.path={folder}", "backbone.image_size=64")


@pytest.mark.parametrize(
    ("method", "precision"),
    [
        ("ids", "fp32"),
        pytest.param("ids", "bf16", marks=pytest.mark.slow),
        pytest.param("ids_cut", "bf16", marks=pytest.mark.slow),
        ("p2p", "bf16"),
        pytest.param("pnp", "bf16", marks=pytest.mark.slow),
    ],
)
def test_editing_a_photo(ids: Ids, photo: Path, tiny_sd: Path, method: str, precision: str) -> None:
    words = (*PROMPTS, *backbone_words(tiny_sd), f"backbone.precision={precision}")
    words += ("--method", method, "controls=none", *STEPS[method])
    done = ids("edit", "photo.jpg", *words, "--out", "new/edited.png")
    assert done.returncode == 0, done.stderr
    assert Image.open(ids.folder / "new" / "edited.png").size == (100, 80)
    assert "edited image: new/edited.png" in done.stdout
    (job,) = ids.results()
    assert json.loads(job.read_text())["backbone"]["precision"] == precision
    assert list((ids.folder / "outputs" / "wandb").glob("offline-run-*"))


def case(name: str) -> EditCase:
    return EditCase(name, Shapes(count=1)[0].source, "a red circle", "a blue square")


def trajectory(backbone: LatentDiffusion, names: list[str], n_steps: int = 4) -> torch.Tensor:
    optimizer = partial(torch.optim.SGD, lr=0.1)
    editor = DistillationEditor(Refined(DDS(), FPR(2, 0.5)), Uniform(), optimizer, n_steps)
    cases = [case(name) for name in names]
    subject = LatentSpace().open(backbone, cases)
    editor(EditContext(backbone, Streams.of(0, names)), subject)
    return subject.z_trg.detach() - subject.z_src


class VelocityNet(nn.Module):
    """The same network, converted to predict v = alpha eps - sigma z_0."""

    def __init__(self, backbone: LatentDiffusion) -> None:
        super().__init__()
        self.denoiser = backbone.denoiser
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(
        self, z_t: torch.Tensor, t: torch.Tensor, **options: torch.Tensor
    ) -> tuple[torch.Tensor]:
        s = self.denoiser.schedule
        eps = self.denoiser.unet(z_t, t, **options)[0]
        return ((eps - s.sigma(t) * z_t) / s.alpha(t),)


def test_a_network_and_its_v_conversion_give_one_trajectory(tiny_sd: Path) -> None:
    backbone = StableDiffusion(str(tiny_sd)).load(torch.device("cpu"))
    denoiser = replace(backbone.denoiser, unet=VelocityNet(backbone), prediction="v_prediction")
    converted = replace(backbone, denoiser=denoiser)
    original, other = trajectory(backbone, ["a"]), trajectory(converted, ["a"])
    assert original.abs().max() > 1e-3
    torch.testing.assert_close(original, other, atol=1e-5, rtol=1e-5)


def test_the_prediction_type_is_read_from_the_folder(tmp_path: Path) -> None:
    write_tiny_sd(tmp_path, prediction="v_prediction")
    backbone = StableDiffusion(str(tmp_path)).load(torch.device("cpu"))
    assert backbone.denoiser.prediction == "v_prediction"


def test_the_batch_changes_nothing_beyond_rounding(tiny_sd: Path) -> None:
    backbone = StableDiffusion(str(tiny_sd)).load(torch.device("cpu"))
    together = trajectory(backbone, ["a", "b", "c"])
    for row, name in enumerate("abc"):
        alone = trajectory(backbone, [name])[0]
        assert (together[row] - alone).norm() <= 1e-4 * alone.norm()
    assert torch.equal(together, trajectory(backbone, ["a", "b", "c"]))


def test_every_weight_is_frozen_and_the_schedule_is_the_folders(tiny_sd: Path) -> None:
    backbone = StableDiffusion(str(tiny_sd)).load(torch.device("cpu"))
    assert not any(p.requires_grad for p in backbone.denoiser.unet.parameters())
    assert backbone.schedule.n_timesteps == 1000


def test_the_digest_depends_on_the_content(tiny_sd: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_sd, copy)
    same = StableDiffusion(str(copy)).identity()
    assert same == StableDiffusion(str(tiny_sd)).identity()
    other = tmp_path / "other"
    shutil.copytree(tiny_sd, other)
    config = other / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("0.012", "0.013"))
    assert StableDiffusion(str(other)).identity() != same


def test_long_prompts_name_the_words_that_do_not_fit(
    tiny_sd: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = "a plain red circle " * 5
    with pytest.raises(DataError, match="expected at most 14 tokens; got 20; shorten it by 'red"):
        StableDiffusion(str(tiny_sd)).load(torch.device("cpu")).prompt([long])
    cut = StableDiffusion(str(tiny_sd), truncate=True).load(torch.device("cpu"))
    assert cut.prompt([long]).embedding.shape == (1, 16, 32)
    assert "cut off: 'red circle" in caplog.text


def test_sizes_not_divisible_by_the_factor_are_refused(tiny_sd: Path) -> None:
    backbone = StableDiffusion(str(tiny_sd)).load(torch.device("cpu"))
    with pytest.raises(DataError, match="expected sides that 8 divides; got 60x64"):
        backbone.encode(torch.rand(1, 3, 64, 60))
    z = backbone.encode(torch.rand(1, 3, 40, 72))
    assert backbone.decode(z).shape == (1, 3, 40, 72)
    t = torch.tensor([500])
    assert backbone.eps(z, backbone.prompt(["a red circle"]), t).shape == z.shape


@pytest.mark.parametrize("path", ["unknown/model", "./none", "/none"])
def test_an_unreachable_model_is_one_line_with_the_remedy(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="HF_HOME") as raised:
        StableDiffusion(path).identity()
    assert path in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_without_all_parts_is_refused(tiny_sd: Path, tmp_path: Path) -> None:
    folder = tmp_path / "part"
    shutil.copytree(tiny_sd, folder)
    shutil.rmtree(folder / "vae")
    with pytest.raises(WeightsError, match="missing: vae"):
        StableDiffusion(str(folder)).identity()
