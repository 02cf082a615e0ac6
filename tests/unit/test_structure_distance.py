"""DINO structure distance: its definition, what is remembered, and refusals."""

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import GOLDEN_METRICS
from judging import Held, Networks, number
from torch.nn import functional as F

from ids.core.errors import WeightsError
from ids.core.records import EditCase, Edited
from ids.metrics import Dino, PieStructureDistance, StructureDistance
from ids.metrics.dino import normalize

FILE = GOLDEN_METRICS / "weights" / "dino_vit_patch8.pth"
DINO = Dino(str(FILE), heads=3)
GENERATOR = torch.Generator().manual_seed(0)
Z = torch.zeros(1, 2, 2)


def case(side: int = 64, width: int = 64) -> EditCase:
    image = (torch.rand(3, side, width, generator=GENERATOR) * 255).round() / 255
    return EditCase("a", Held(image), "a cat", "a dog")


CASES = [case(), case(), case(48, 96)]
EDITS = [Edited(c.source.load().flip(1), Z, Z) for c in CASES]


def test_it_is_the_mean_squared_difference_of_cosines_of_the_last_keys() -> None:
    """With the network called from beginning to end."""
    models = Networks()
    network = DINO.load(models).network
    found: list[torch.Tensor] = []
    network.blocks[-1].attn.qkv.register_forward_hook(lambda *given: found.append(given[2]))
    for image in (CASES[0].source.load(), EDITS[0].image):
        resized = F.interpolate(image[None], (224, 224), mode="bilinear", antialias=True)
        network(normalize(resized[0])[None])
    similarities = []
    for qkv in found:
        keys = F.normalize(qkv[0, :, 24:48], dim=1)
        similarities.append(keys @ keys.T)
    assert similarities[0].shape == (785, 785)
    expected = F.mse_loss(*similarities)
    value = number(StructureDistance(DINO), CASES[0], EDITS[0], models)
    assert value == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize(("depth", "block"), [(1, 0), (2, 1), (12, 11), (14, 11)])
def test_keys_are_those_of_block_11_or_of_the_last(tmp_path: Path, depth: int, block: int) -> None:
    state = torch.load(FILE, weights_only=True)
    blocks = {name: value for name, value in state.items() if name.startswith("blocks.")}
    kept = {name: value for name, value in state.items() if name not in blocks}
    for name, value in blocks.items():
        number = int(name.split(".")[1])
        for copy in (number, number + 12):
            if copy < depth:
                kept[name.replace(f".{number}.", f".{copy}.", 1)] = value
    torch.save(kept, tmp_path / "dino.pth")
    dino = Dino(str(tmp_path / "dino.pth"), heads=3).load(Networks())
    found: list[torch.Tensor] = []
    qkv = dino.network.blocks[block].attn.qkv
    pixels = torch.rand(1, 3, 224, 224, generator=GENERATOR)
    with qkv.register_forward_hook(lambda *given: found.append(given[2])):
        dino.network(pixels)
    assert torch.allclose(dino.keys(pixels), found[0][..., 24:48], atol=1e-5)


def test_batches_equal_single_edits_and_an_unchanged_image_has_distance_0() -> None:
    metric = StructureDistance(DINO)
    single = [number(metric, *pair, Networks()) for pair in zip(CASES, EDITS, strict=True)]
    assert metric(CASES, EDITS, Networks()) == pytest.approx(single, rel=1e-3, abs=1e-8)
    assert len({round(value, 8) for value in single}) == 3
    assert number(metric, CASES[0], Edited(CASES[0].source.load(), Z, Z)) == 0
    assert metric([], [], Networks()) == []


def test_the_released_input_is_another_one() -> None:
    ours, released = StructureDistance(DINO), PieStructureDistance(DINO)
    assert number(ours, CASES[0], EDITS[0]) != pytest.approx(
        number(released, CASES[0], EDITS[0]), rel=0.05
    )


def test_the_source_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    models, rows = Networks(), []
    kind = type(DINO.load(models))
    original = kind.keys

    def counted(self: Any, pixels: torch.Tensor) -> torch.Tensor:
        rows.append(len(pixels))
        return original(self, pixels)

    monkeypatch.setattr(kind, "keys", counted)
    for shift in (1, 2, 3):
        edit = Edited(CASES[0].source.load().roll(shift, 2), Z, Z)
        number(StructureDistance(DINO), CASES[0], edit, models)
    assert rows == [2, 1, 1]


def test_all_structure_distances_share_one_network() -> None:
    models = Networks()
    first = StructureDistance(DINO).load(models)
    assert PieStructureDistance(Dino(str(FILE), 3), "edit_part").load(models) is first
    assert DINO.weights_id().startswith("dino-3-heads-")


def test_a_file_that_is_missing_is_named_with_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    default = "dino_vitbase8_pretrain.pth"
    for weights, name in ((str(tmp_path / "a.pth"), "a.pth"), (None, default)):
        with pytest.raises(WeightsError, match=rf"{name}; found no such file; fetch https://dl"):
            Dino(weights).weights_id()
        (file,) = Dino(weights).files()
        assert (file.found, file.url.rpartition("/")[2]) == (False, default)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    state = torch.load(FILE, weights_only=True)
    bias = "blocks.3.attn.qkv.bias"
    for changed, heads, message in (
        ({}, 5, "24 channels do not divide by 5"),
        ({bias: None}, 3, rf"1 missing: {bias}"),
        ({bias: torch.zeros(7)}, 3, rf"{bias} \[7\] instead of \[72\]"),
        ({"head.weight": torch.zeros(2)}, 3, r"1 extra: head\.weight"),
        ({bias: torch.full((72,), torch.nan)}, 3, rf"{bias} holds NaN"),
        ({"patch_embed.proj.weight": None}, 3, "patch_embed.proj.weight"),
    ):
        kept = {name: value for name, value in (state | changed).items() if value is not None}
        torch.save(kept, tmp_path / "mine.pth")
        with pytest.raises(WeightsError, match=message) as raised:
            Dino(str(tmp_path / "mine.pth"), heads).load(Networks())
        assert "\n" not in str(raised.value)
    (tmp_path / "mine.pth").write_bytes(b"\x80\x02 no state dict")
    with pytest.raises(WeightsError, match="does not fit"):
        Dino(str(tmp_path / "mine.pth"), 3).load(Networks())
