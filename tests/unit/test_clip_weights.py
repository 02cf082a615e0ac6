"""CLIP weights: files of every kind, and refusals before any number."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import TINY_CLIP
from judging import Networks, number
from safetensors.torch import load_file, save_file

from ids.core.errors import ConfigError, WeightsError
from ids.core.records import EditCase, Edited
from ids.data.shapes import Shapes
from ids.metrics import Clip, ClipScore
from ids.shapes import WEIGHTS

SOURCE = Shapes()[0].source
PHOTO = EditCase("photo", SOURCE, "a photo of a cat", "a photo of a dog")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder with the layout of a model that open_clip then knows as `tiny-clip`, and weights."""
    import open_clip

    layouts = tmp_path / "layouts"
    layouts.mkdir()
    (layouts / "tiny-clip.json").write_text(json.dumps(TINY_CLIP))
    open_clip.add_model_config(layouts)
    torch.manual_seed(0)
    network = open_clip.create_model("tiny-clip").eval()
    save_file(network.state_dict(), tmp_path / "tiny.safetensors")
    torch.save(network.state_dict(), tmp_path / "tiny.pt")
    example = (torch.zeros(1, 3, 32, 32), torch.zeros(1, 77, dtype=torch.long))
    torch.jit.trace(network, example, strict=False, check_trace=False).save(
        str(tmp_path / "scripted.pt")
    )
    return tmp_path


def score(clip: Clip) -> float:
    """Of the source itself, by a newly loaded network."""
    z = torch.zeros(1, 2, 2)
    return number(ClipScore(clip), PHOTO, Edited(SOURCE.load(), z, z), Networks())


def test_any_model_from_a_file_of_any_kind(tiny: Path) -> None:
    """safetensors, a pickle of tensors, and TorchScript, as OpenAI published theirs."""
    scores = [
        score(Clip("tiny-clip", str(tiny / name)))
        for name in ("tiny.safetensors", "tiny.pt", "scripted.pt")
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6) == pytest.approx(scores[2], abs=1e-6)
    assert Clip("tiny-clip", str(tiny / "tiny.pt")).weights_id().startswith("tiny-clip-")


def folder_of(tiny: Path, name: str, **preprocessing: object) -> str:
    folder = tiny / name / "mine"
    folder.mkdir(parents=True)
    layout = {"model_cfg": TINY_CLIP, "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(layout))
    (folder / "open_clip_model.safetensors").write_bytes((tiny / "tiny.safetensors").read_bytes())
    return f"local-dir:{folder}"


def test_any_model_from_a_folder_with_its_preprocessing(tiny: Path) -> None:
    plain, other = folder_of(tiny, "a"), folder_of(tiny, "b", mean=[0.1] * 3, std=[0.9] * 3)
    assert Clip(plain, None).weights_id().startswith("mine-")
    assert Clip(plain, None).weights_id() != Clip(other, None).weights_id()
    scores = [score(Clip(folder, None)) for folder in (plain, other)]
    assert scores[0] != pytest.approx(scores[1], abs=1e-6)


def test_a_folder_without_its_files_is_named(tiny: Path) -> None:
    (tiny / "empty").mkdir()
    with pytest.raises(WeightsError, match=r"open_clip_config\.json and open_clip_model"):
        Clip(f"local-dir:{tiny / 'empty'}", None).weights_id()
    with pytest.raises(ValueError, match="expected null, as shapes contains its weights"):
        Clip("shapes", "openai")


def test_a_tokenizer_without_its_vocabulary_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(WEIGHTS / "clip", tmp_path / "clip"))
    assert ClipScore(Clip(f"local-dir:{folder}", None)).weights_id().startswith("clip-")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(WeightsError, match="tokenizer of the network's 116 tokens"):
        Clip(f"local-dir:{folder}", None).load(Networks())


def test_what_does_not_fit_is_refused_before_any_number(tiny: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot be loaded \(\d+ missing: .*; \d+ extra: "):
        Clip("RN50", str(tiny / "tiny.safetensors")).load(Networks())
    (tiny / "torn.safetensors").write_bytes((tiny / "tiny.safetensors").read_bytes()[:1000])
    with pytest.raises(WeightsError, match="cut short, before its tensors"):
        Clip("tiny-clip", str(tiny / "torn.safetensors")).load(Networks())


def clip_file(folder: Path, name: str = "other.safetensors", **changed: Any) -> Clip:
    """The tiny network's file, with tensors changed (None takes one out)."""
    tensors = load_file(folder / "tiny.safetensors") | changed
    save_file({n: x for n, x in tensors.items() if x is not None}, folder / name)
    return Clip("tiny-clip", str(folder / name))


def test_a_file_that_changes_has_another_digest_and_other_numbers(tiny: Path) -> None:
    clip = clip_file(tiny)
    before = clip.weights_id(), score(clip)
    clip_file(tiny, **{"ln_final.bias": torch.ones(8)})
    assert clip.weights_id() != before[0]
    assert score(clip) != pytest.approx(before[1], abs=1e-6)


def test_missing_extra_and_wrong_shaped_tensors_are_named(tiny: Path) -> None:
    for changed, message in (
        ({"ln_final.bias": None}, r"1 missing: ln_final\.bias\)"),
        ({"further": torch.zeros(2)}, r"1 extra: further\)"),
        ({"ln_final.bias": torch.zeros(3)}, r"ln_final\.bias \[3\] instead of \[8\]"),
        ({"positional_embedding": torch.zeros(50, 8)}, r"resized .*\[50, 8\] instead of \[77, 8\]"),
        ({"ln_final.bias": torch.full((8,), torch.nan)}, r"ln_final\.bias holds NaN"),
        ({"ln_final.bias": torch.full((8,), -torch.inf)}, r"ln_final\.bias holds infinity"),
    ):
        with pytest.raises(WeightsError, match=message) as raised:
            clip_file(tiny, **changed).load(Networks())
        assert "\n" not in str(raised.value)
    state = torch.load(tiny / "tiny.pt", weights_only=True)
    state["positional_embedding"] = torch.zeros(50, 8)
    torch.save(state, tiny / "long.pt")
    with pytest.raises(WeightsError, match="would have to be resized"):
        Clip("tiny-clip", str(tiny / "long.pt")).load(Networks())


def test_a_folder_that_asks_for_code_is_refused_by_name(tiny: Path) -> None:
    clip = folder_of(tiny, "code")
    folder = Path(clip.removeprefix("local-dir:"))
    layout = json.loads((folder / "open_clip_config.json").read_text())
    text = TINY_CLIP["text_cfg"] | {"tokenizer_kwargs": {"trust_remote_code": True}}
    layout["model_cfg"] = TINY_CLIP | {"text_cfg": text}
    (folder / "open_clip_config.json").write_text(json.dumps(layout))
    with pytest.raises(WeightsError, match="it asks for trust_remote_code"):
        Clip(clip, None).weights_id()
    plain = folder_of(tiny, "plain")
    settings = {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}}
    (Path(plain.removeprefix("local-dir:")) / "tokenizer_config.json").write_text(
        json.dumps(settings)
    )
    with pytest.raises(WeightsError, match="it asks for auto_map"):
        Clip(plain, None).weights_id()


def test_the_tokenizer_of_a_folder_is_part_of_its_digest(tiny: Path) -> None:
    clip = Clip(folder_of(tiny, "words"), None)
    before = clip.weights_id()
    (tiny / "words" / "mine" / "vocab.json").write_text('{"a": 0}')
    assert clip.weights_id() != before


def test_a_model_without_weights_is_refused(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="would be random"):
        Clip("tiny-clip", None).weights_id()
    with pytest.raises(ConfigError, match="a model open_clip knows"):
        Clip("ViT-X", "openai").weights_id()
    with pytest.raises(WeightsError, match="openai"):  # the tags are named
        Clip("ViT-L-14", "/nowhere.pt").weights_id()


@pytest.mark.parametrize("clip", [Clip("ViT-B-16-quickgelu"), Clip("hf-hub:some/clip", None)])
def test_weights_that_the_hub_cannot_deliver_are_named(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    import open_clip

    def unreachable(*_: Any, **__: Any) -> str:
        raise RuntimeError("Failed to download")

    monkeypatch.setattr(open_clip, "download_pretrained", unreachable)
    monkeypatch.setattr(open_clip.pretrained, "download_pretrained_from_hf", unreachable)
    with pytest.raises(WeightsError, match=r"clip\.checkpoint=/path/to/file"):
        clip.weights_id()


def test_a_tag_sets_activation_and_preprocessing(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """open_clip merely warns of the first, and would drop the second with a file in hand."""
    import open_clip

    known = {"hf_hub": "some/clip", "mean": (0.1,) * 3, "std": (0.9,) * 3, "quick_gelu": True}
    for module in (open_clip, open_clip.factory):
        monkeypatch.setattr(module, "get_pretrained_cfg", lambda *_: dict(known))
        monkeypatch.setattr(
            module, "download_pretrained", lambda *_, **__: str(tiny / "tiny.safetensors")
        )
    tagged = Clip("tiny-clip", "openai")
    assert tagged.load(Networks()).network.preprocess.transforms[-1].mean == (0.1,) * 3
    assert "QuickGELU" in str(tagged.load(Networks()).network.model)
    plain = Clip("tiny-clip", str(tiny / "tiny.safetensors"))
    assert "QuickGELU" not in str(plain.load(Networks()).network.model)
    assert tagged.weights_id() != plain.weights_id()
