"""The wide embedded world: captions, cases, networks and success of edits of the background and of
objects that are added and removed.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from judging import Held, number

from ids.core.records import EditCase, Edited
from ids.core.weight_files import digest_of
from ids.data.shapes import Shapes
from ids.doctor.shapes_wide import wide_prompts
from ids.metrics import WideSuccess
from ids.shapes import WEIGHTS, WIDE_WEIGHTS
from ids.shapes.caption import (
    WIDE_WORDS,
    WORDS,
    parse_caption,
    parse_wide_caption,
    vocabulary,
    wide_caption,
)
from ids.shapes.edits import KINDS
from ids.shapes.render import render
from ids.shapes.scene import BACKGROUNDS, WIDE_VALUES, Scene, draw_scene

CASES = 4 * len(KINDS)


def scenes(count: int) -> list[Scene]:
    rng = np.random.default_rng(0)
    return [draw_scene(rng) for _ in range(count)]


def shows(image: torch.Tensor) -> Edited:
    latent = torch.zeros(1, 2, 2)
    return Edited(image, latent, latent)


def test_earlier_cases_of_all_kinds_have_their_digests() -> None:
    """Results are named by them."""
    assert {case.id: case.digest for case in Shapes("test", 7, KINDS)} == {
        "test-0000-fill": "f6f7190e0ba0d2df145d48987f678821",
        "test-0001-colour": "abd15935f57bf875cb716d882a15bf7e",
        "test-0002-shape": "5e4f3022e5b545e721f06296453a27d8",
        "test-0003-both": "5bce3a9c0f20ded7e10326293c6a4d6a",
        "test-0004-background": "e67045b5427baa67286a15b9740d5919",
        "test-0005-add": "69878d7913260c7281087dadff069655",
        "test-0006-remove": "e8bfdb0285afc21d00613c1b38fc0796",
    }


def test_new_words_are_tokens_and_old_ones_keep_their_ids() -> None:
    from transformers import CLIPTokenizer

    (old, old_merges), (new, merges) = vocabulary(), vocabulary(WIDE_WORDS)
    assert new.items() >= old.items()
    assert merges[: len(old_merges)] == old_merges
    tokenizer = CLIPTokenizer(vocab=new, merges=merges, model_max_length=16)
    former = CLIPTokenizer(vocab=old, merges=old_merges, model_max_length=16)
    assert all(tokenizer.tokenize(word) == [f"{word}</w>"] for word in (*WORDS, *WIDE_WORDS))
    text = "a striped cyan ring"
    assert tokenizer(text).input_ids == former(text).input_ids
    assert len(former.tokenize("checker")) > 1


def test_a_wide_caption_names_what_is_in_the_scene() -> None:
    for scene in scenes(12):
        read = parse_wide_caption(wide_caption(scene))
        assert set(read) == set(WIDE_VALUES)
        assert (read["colour"], read["background"]) == (scene.colour, scene.background.kind)
        assert read["object"] == "present"
        empty = parse_wide_caption(wide_caption(scene.without_object()))
        assert empty == {"object": "absent", "background": scene.background.kind}
    for other in ("a plain red heart", "a cat on checker", "nothing", "on checker", "checker"):
        assert parse_wide_caption(other) == {}
    assert parse_caption("a plain red heart on checker") == {}  # `success` keeps its numbers


def test_wide_prompts_are_of_the_same_scenes() -> None:
    exact, wide = (
        Shapes("dev", CASES, KINDS),
        Shapes("dev", CASES, KINDS, wording="wide"),
    )
    assert wide.name == "shapes-dev-v1-kinds-wide"
    for one, other in zip(exact, wide, strict=True):
        assert one.source_digest == other.source_digest
        assert one.mask is not None
        assert other.mask is not None
        assert one.mask.digest() == other.mask.digest()
        named = [parse_wide_caption(text) for text in (other.prompt_src, other.prompt_trg)]
        assert all(named)
        changed = {a for a in WIDE_VALUES if named[0].get(a) != named[1].get(a)}
        kind = other.tags
        if kind == {"background"}:
            assert changed == {"background"}
            assert other.blend_words == (named[0]["background"], named[1]["background"])
        elif kind in ({"add"}, {"remove"}):
            assert changed == {"object", "fill", "colour", "shape"}
            assert other.blend_words is None
        else:
            assert other.blend_words == one.blend_words


def test_true_edits_succeed_and_untouched_images_do_not() -> None:
    for case in Shapes("test", CASES, KINDS, wording="wide"):
        assert case.truth is not None
        assert number(WideSuccess(), case, shows(case.truth.load())) == 1, case.id
        assert number(WideSuccess(), case, shows(case.source.load())) == 0, case.id


def test_what_is_to_stay_counts() -> None:
    """A recoloured heart on another background is no success; `success` would be 1."""
    case = next(iter(Shapes("test", 1, ("colour",), wording="wide")))
    after = Shapes("test", 1, ("colour",)).edit(0).after
    other = next(kind for kind in BACKGROUNDS if kind != after.background.kind)
    moved = replace(after, background=replace(after.background, kind=other))
    assert number(WideSuccess(), case, shows(render([moved])[0])) == 0
    assert number(WideSuccess(), case, shows(render([after])[0])) == 1


@pytest.mark.parametrize(
    "prompts",
    [("a plain red heart", "a plain blue heart"), ("nothing on checker", "nothing on checker")],
)
def test_other_prompts_are_undefined(prompts: tuple[str, str]) -> None:
    image = torch.zeros(3, 64, 64)
    case = EditCase("x", Held(image), *prompts)
    assert np.isnan(number(WideSuccess(), case, shows(image)))


def test_the_wide_networks_share_the_autoencoder() -> None:
    for name in ("config.json", "diffusion_pytorch_model.safetensors"):
        assert digest_of(WIDE_WEIGHTS / "vae" / name) == digest_of(WEIGHTS / "vae" / name)
    size = sum(f.stat().st_size for f in WIDE_WEIGHTS.rglob("*") if f.is_file())
    assert size < 14e6


def test_the_card_shows_every_goal_reached() -> None:
    card = (WIDE_WEIGHTS / "README.md").read_text()
    assert card.count("| yes |") == 13
    assert "| NO |" not in card


def test_quality_is_measured_on_every_background_and_none() -> None:
    named = [parse_wide_caption(text) for text in wide_prompts(60)]
    assert all(named)
    empty = [one["background"] for one in named if one["object"] == "absent"]
    assert len(empty) == 12
    assert set(empty) == set(BACKGROUNDS)
