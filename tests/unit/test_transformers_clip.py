"""CLIP through transformers: the numbers of open_clip, and refusals before any number."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import GOLDEN_METRICS
from judging import Networks
from safetensors.torch import load_file, save_file

from ids.core.errors import WeightsError
from ids.core.records import EditCase, Edited
from ids.data.shapes import Shapes
from ids.metrics import Clip, ClipDirectional, ClipImage, ClipScore, TransformersClip

FOLDER = GOLDEN_METRICS / "weights" / "clip_hf"
OPENAI = GOLDEN_METRICS / "weights" / "clip_openai"
STATE, WORDS = str(OPENAI / "state_dict.pt"), str(OPENAI / "bpe_vocab.txt.gz")
CASES = [
    EditCase(f"{n}", Shapes()[n].source, "a photo of a cat", f"a photo of {n} dogs, it's late")
    for n in range(3)
]
Z = torch.zeros(1, 2, 2)
EDITS = [Edited(case.source.load().flip(2) * 0.9, Z, Z) for case in CASES]
LONG = "a tabby cat resting on a wooden floor " * 14


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "mine"))


def edit_json(file: Path, **changed: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changed))


def test_numbers_are_those_of_open_clip_with_the_same_weights() -> None:
    models = Networks()
    through = TransformersClip(str(FOLDER)), Clip("openai", STATE, WORDS)
    for metric in (ClipScore, ClipImage, ClipDirectional):
        found, wanted = (metric(clip)(CASES, EDITS, models) for clip in through)
        assert found == pytest.approx(wanted, abs=1e-5)
        assert len({round(value, 6) for value in found}) > 1
    assert len(models.loaded) == 2


def test_tokens_and_cuts_are_those_of_open_clip() -> None:
    a, b = (
        clip.load(Networks()).network
        for clip in (TransformersClip(str(FOLDER)), Clip("openai", STATE, WORDS))
    )
    for prompt in ("A Photo of  7 dogs, it's late", "", LONG):
        assert a.token_ids(prompt) == b.token_ids(prompt)
    assert len(a.token_ids(LONG)) > a.context == b.context == 77
    assert torch.equal(a.tokens([LONG, "a cat"]), b.tokens([LONG, "a cat"]))
    assert a.tokens([LONG])[0, -1] == a.token_ids("")[-1]  # the end token is kept


def test_a_pickle_of_tensors_gives_the_same_numbers(copy: Path) -> None:
    before = TransformersClip(str(copy)).weights_id()
    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    assert TransformersClip(str(copy)).weights_id() == before  # safetensors are preferred
    (copy / "model.safetensors").unlink()
    found = ClipScore(TransformersClip(str(copy)))(CASES, EDITS, Networks())
    assert found == ClipScore(TransformersClip(str(FOLDER)))(CASES, EDITS, Networks())


def test_all_that_decides_the_numbers_is_in_the_digest(copy: Path) -> None:
    seen = {TransformersClip(str(copy)).weights_id()}
    assert all(name.startswith("mine-") for name in seen)
    edit_json(copy / "preprocessor_config.json", image_mean=[0.5, 0.5, 0.5])
    seen.add(TransformersClip(str(copy)).weights_id())
    edit_json(copy / "config.json", initializer_factor=2.0)
    seen.add(TransformersClip(str(copy)).weights_id())
    (copy / "merges.txt").write_text((copy / "merges.txt").read_text() + "\n")
    seen.add(TransformersClip(str(copy)).weights_id())
    assert len(seen) == 4


def test_preprocessing_of_both_layouts_is_read(copy: Path) -> None:
    wanted = TransformersClip(str(copy)).load(Networks()).network
    old = json.loads((copy / "preprocessor_config.json").read_text())
    new = old | {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}
    (copy / "preprocessor_config.json").unlink()
    (copy / "processor_config.json").write_text(json.dumps({"image_processor": new}))
    found = TransformersClip(str(copy)).load(Networks()).network
    assert found.side == wanted.side == 224
    image = CASES[0].source.load()
    assert torch.equal(found.pixels(image), wanted.pixels(image))


def refusal(folder: Path) -> str:
    with pytest.raises(WeightsError) as raised:
        TransformersClip(str(folder)).load(Networks())
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_missing_files_are_named(copy: Path, tmp_path: Path) -> None:
    assert "no such folder exists" in refusal(tmp_path / "nowhere")
    (copy / "merges.txt").unlink()
    assert "a tokenizer; missing: merges.txt" in refusal(copy)
    (copy / "preprocessor_config.json").unlink()
    shutil.copy(FOLDER / "merges.txt", copy)
    assert "preprocessor_config.json; found none" in refusal(copy)
    (copy / "model.safetensors").unlink()
    assert "expected model.safetensors; found no weights" in refusal(copy)
    (copy / "config.json").unlink()
    assert "config.json" in refusal(copy)
    missing = [file for file in TransformersClip(str(copy)).files() if not file.found]
    assert {Path(file.place).name for file in missing} == {
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    }


def test_a_hub_id_that_cannot_be_fetched_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(*_: Any, **__: Any) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(WeightsError) as raised:
        TransformersClip("some/clip").weights_id()
    for part in ("clip.path", "'some/clip'", "model.safetensors", "clip.path=/path/to/folder"):
        assert part in str(raised.value)
    (file,) = TransformersClip("some/clip").files()
    assert (file.found, file.url) == (False, "hf://some/clip")


def test_weights_that_do_not_fit_are_refused(copy: Path) -> None:
    state, file = load_file(FOLDER / "model.safetensors"), copy / "model.safetensors"
    name = "text_model.final_layer_norm.bias"
    for changed, message in (
        (torch.full((64,), torch.nan), f"{name} holds NaN"),
        (torch.zeros(3), f"1 mismatched tensors, such as .*{name}"),
        (None, f"1 missing tensors, such as {name}"),
    ):
        tensors = {k: v for k, v in (state | {name: changed}).items() if v is not None}
        save_file(tensors, file, metadata={"format": "pt"})
        with pytest.raises(WeightsError, match=message):
            TransformersClip(str(copy)).load(Networks())
    file.write_bytes(b"PK\x03\x04" + bytes(100))
    assert "this is a pickle of PyTorch's" in refusal(copy)


def test_another_kind_of_model_and_code_are_refused(copy: Path) -> None:
    edit_json(copy / "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Tokenizer", None]})
    assert "it asks for auto_map" in refusal(copy)
    shutil.copy(FOLDER / "tokenizer_config.json", copy)
    edit_json(copy / "preprocessor_config.json", image_mean=[0.5])
    assert "image_mean and image_std in preprocessor_config.json" in refusal(copy)
    edit_json(copy / "config.json", model_type="siglip")
    assert "expected a clip model; it is 'siglip'" in refusal(copy)


def test_openai_files_need_their_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"677 tokens inside open_clip; set clip\.vocabulary"):
        Clip("openai", STATE).load(Networks())
    with pytest.raises(WeightsError, match=r"clip\.vocabulary: expected a file .* no such file"):
        Clip("openai", STATE, str(tmp_path / "nowhere.gz")).weights_id()
    (tmp_path / "plain.txt").write_text("a b\n")
    with pytest.raises(WeightsError, match=r"clip\.vocabulary: expected OpenAI's gzip file"):
        Clip("openai", STATE, str(tmp_path / "plain.txt")).load(Networks())
    with pytest.raises(WeightsError, match=r"clip\.checkpoint: expected the weights of a CLIP"):
        Clip("openai", str(FOLDER / "model.safetensors"), WORDS).load(Networks())
    with pytest.raises(ValueError, match=r"clip\.vocabulary: expected null, as ViT-B-32 has"):
        Clip("ViT-B-32", "openai", WORDS)
    assert [file.found for file in Clip("openai", STATE, WORDS).files()] == [True, True]


def test_addresses_of_needed_files() -> None:
    (tagged,) = Clip().files()
    assert tagged.url.startswith("hf://timm/vit_large_patch14_clip_224.openai/")
