"""CLIP: what it says of the embedded world, one network for all, and no number without weights."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ids.core.errors import ConfigError, WeightsError
from ids.core.records import EditCase, Edited
from ids.data.shapes import Shapes
from ids.metrics import Clip, ClipDirectional, ClipImage, ClipScore
from ids.shapes import WEIGHTS

OWN = Clip("shapes", None)
Z = torch.zeros(1, 2, 2)
CASES = [Shapes()[i] for i in range(12)]
LAYOUT = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 16, "head_width": 8, "layers": 1},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1},
}


def source(case: EditCase) -> Edited:
    return Edited(case.source.load(), Z, Z)


def truth(case: EditCase) -> Edited:
    assert case.truth is not None
    return Edited(case.truth.load(), Z, Z)


def mean(metric: Any, edit: Any, cases: list[EditCase] = CASES) -> float:
    return sum(metric(case, edit(case)) for case in cases) / len(cases)


def test_the_true_edit_scores_above_the_source() -> None:
    score, direction = ClipScore(OWN), ClipDirectional(OWN)
    assert mean(score, truth) > mean(score, source) + 0.1
    assert mean(direction, truth) > 0.5


def test_a_picture_is_like_itself_and_stands_still() -> None:
    assert mean(ClipImage(OWN), source) == pytest.approx(1, abs=1e-5)
    assert math.isnan(mean(ClipDirectional(OWN), source))
    assert mean(ClipImage(OWN), truth) < 0.99


def test_words_of_another_world_have_no_score_by_the_small_clip() -> None:
    case = EditCase("photo", CASES[0].source, "a photo of a cat", "a photo of a dog")
    for metric in (ClipScore(OWN), ClipDirectional(OWN), ClipImage(OWN)):
        assert math.isnan(metric(case, source(CASES[0])))
    assert Clip("ViT-B-32", "openai").understands("a photo of a dog")


def test_all_metrics_share_one_network() -> None:
    assert Clip("shapes", None).load() is OWN.load()
    assert ClipScore(Clip("shapes", None)).basis() == ClipImage(OWN).basis()
    assert OWN.basis().startswith("shapes-clip-")


def test_it_answers_as_open_clip_called_directly() -> None:
    import open_clip
    from torchvision.transforms.functional import to_pil_image

    network, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{WEIGHTS / 'clip'}")
    tokenize = open_clip.get_tokenizer(f"local-dir:{WEIGHTS / 'clip'}")
    network = network.float().eval()
    case = CASES[0]
    with torch.no_grad():
        x = preprocess(to_pil_image(case.source.load())).unsqueeze(0)
        picture = network.encode_image(x, normalize=True)
        words = network.encode_text(tokenize([case.prompt_trg]), normalize=True)
    assert ClipScore(OWN)(case, source(case)) == pytest.approx(float(picture @ words.T), abs=1e-6)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder with the layout of a model that open_clip then knows as `tiny-clip`, and weights."""
    import open_clip

    layouts = tmp_path / "layouts"
    layouts.mkdir()
    (layouts / "tiny-clip.json").write_text(json.dumps(LAYOUT))
    open_clip.add_model_config(layouts)
    torch.manual_seed(0)
    network = open_clip.create_model("tiny-clip")
    save_file(network.state_dict(), tmp_path / "tiny.safetensors")
    torch.save(network.state_dict(), tmp_path / "tiny.pt")
    return tmp_path


@pytest.mark.parametrize("name", ["tiny.safetensors", "tiny.pt"])
def test_any_model_from_a_file(tiny: Path, name: str) -> None:
    clip = Clip("tiny-clip", str(tiny / name))
    case = EditCase("photo", CASES[0].source, "a photo of a cat", "a photo of a dog")
    assert -1 <= ClipScore(clip)(case, source(CASES[0])) <= 1
    assert clip.basis().startswith("tiny-clip-")


def test_any_model_from_a_folder(tiny: Path) -> None:
    folder = tiny / "mine"
    folder.mkdir()
    with pytest.raises(WeightsError, match=r"open_clip_config\.json"):
        _ = Clip(f"local-dir:{folder}", None).basis()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": LAYOUT}))
    with pytest.raises(WeightsError, match=r"open_clip_model\.safetensors"):
        _ = Clip(f"local-dir:{folder}", None).basis()
    (tiny / "tiny.safetensors").rename(folder / "open_clip_model.safetensors")
    assert Clip(f"local-dir:{folder}", None).basis().startswith("mine-")
    case = EditCase("photo", CASES[0].source, "a", "b")
    assert -1 <= ClipScore(Clip(f"local-dir:{folder}", None))(case, source(CASES[0])) <= 1


def test_weights_of_another_model_are_refused(tiny: Path) -> None:
    with pytest.raises(WeightsError, match="they do not fit"):
        Clip("RN50", str(tiny / "tiny.safetensors")).load()


def test_no_weights_no_number(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="would be random"):
        _ = Clip("tiny-clip", None).basis()
    with pytest.raises(ConfigError, match="a model open_clip knows"):
        _ = Clip("ViT-X", "openai").basis()
    with pytest.raises(WeightsError, match="openai"):  # told which tags there are
        _ = Clip("ViT-L-14", "/nowhere.pt").basis()


def test_weights_the_hub_does_not_give_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import open_clip

    def unreachable(*_: Any, **__: Any) -> str:
        raise RuntimeError("Failed to download")

    monkeypatch.setattr(open_clip, "download_pretrained", unreachable)
    with pytest.raises(WeightsError, match=r"clip\.checkpoint=/path/to/file"):
        _ = Clip("ViT-B-16-quickgelu", "openai").basis()


@pytest.mark.parametrize("model", ["ViT-B-32", "ViT-B-32-quickgelu"])
def test_a_tag_of_openai_switches_quickgelu_on(
    model: str, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With plain GELU their weights give other numbers; open_clip merely warns."""
    import open_clip

    asked: dict[str, Any] = {}

    def spy(**words: Any) -> tuple[Any, None, None]:
        asked.update(words)
        return torch.nn.Identity(), None, None

    monkeypatch.setattr(open_clip, "download_pretrained", lambda _: str(tiny / "tiny.pt"))
    monkeypatch.setattr(open_clip, "create_model_and_transforms", spy)
    from ids.metrics import clip as module

    module._fetched.cache_clear()
    Clip(model, "openai").load()
    module._fetched.cache_clear()
    module._loaded.cache_clear()
    assert asked["force_quick_gelu"] is True
    assert asked["weights_only"] is True
