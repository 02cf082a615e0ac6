"""Prompt-to-Prompt's alignment of words and tokens."""

from dataclasses import replace

import pytest
import torch
from fake_text_sd import BACKBONE, P2P, A, B, case, edited
from golden_replay.fake_text import Words
from recorded_sd import normal

from ids.core.capabilities import Tokens
from ids.core.errors import DataError
from ids.methods.editors.p2p_words import positions, replacement, shares, weights
from ids.representations import LatentImage


def test_words_are_separated_by_white_space() -> None:
    for text in ("a  red\tcircle on", " a red circle  on "):
        tokens = Tokens((0, 1, 2, 3, 4, 5), ("a", "red", "circle", "on"))
        assert [positions(text, tokens, word) for word in ("red", "circle", "on")] == [
            [2],
            [3],
            [4],
        ]
        plain = ("a red circle on", tokens)
        assert torch.equal(replacement((text, tokens), plain, 9), replacement(plain, plain, 9))


def test_tokens_that_do_not_add_up_to_words_are_refused() -> None:
    with pytest.raises(DataError, match="whole characters"):
        positions("“a” cat", Tokens((0, 1, 2, 3), ("\ufffd", "a", "cat")), "cat")
    short = Tokens((0, 1, 2), ("a", "red"))  # the circle was cut off
    with pytest.raises(DataError, match="'circle' among its tokens; it was cut off"):
        replacement(("a red circle", short), ("a red square", short), 9)


def test_shares_by_word_and_between_two() -> None:
    """As the released `cross_replace_steps`; a word that is not in the prompt is ignored."""
    tokens = Words().tokens(A)
    taken = shares({"default": 0.8, "cat": [0.2, 0.4], "dog": 0.1}, A, tokens, 9, 77)
    assert taken[:, 1].tolist() == [1] * 8 + [0] * 2
    assert taken[:, 2].tolist() == [0] * 2 + [1] * 2 + [0] * 6
    assert shares({"cat": 0.4}, A, tokens, 9, 77)[:, 1].all()  # without a default, all steps
    for wrong in (1.2, [0.5, 0.2], [0.1], {"cat": -1.0}):
        with pytest.raises(ValueError, match=r"method.cross_share: expected a share"):
            replace(P2P, cross_share=wrong)
    for wrong in (-0.1, 1.2, [0.8, 0.2], [0.1], [0.1, 0.2, 0.3]):
        with pytest.raises(ValueError, match=r"method.self_share: expected a share, or two in"):
            replace(P2P, self_share=wrong)


def test_words_that_are_not_found_or_paired_are_named() -> None:
    with pytest.raises(DataError, match="word 'dog': expected one of the prompt"):
        P2P.check(BACKBONE, case("a", word_weights={"dog": 2.0}))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="as many words"):
        replace(P2P, words="replace").check(BACKBONE, case("a"))  # type: ignore[arg-type]
    words = Words()
    swapped = "a tiger on the bench"
    table = replacement((A, words.tokens(A)), (swapped, words.tokens(swapped)), 77)
    assert table[2, 2:4].tolist() == [0.5, 0.5]  # cat to tig-er


def test_emphasis_scales_the_tokens_of_its_word_only() -> None:
    tokens = Words().tokens(B)
    factors = weights({"chair": 2.0}, B, tokens, 77)
    assert factors.nonzero().numel() == 77
    assert (factors == 2).nonzero().flatten().tolist() == positions(B, tokens, "chair") == [8, 9]
    z = normal(1, 1)
    plain = edited(P2P, z, [case("a")])
    assert not torch.allclose(edited(P2P, z, [case("a", word_weights={"red": 5.0})]), plain)


def test_blend_words_are_emphasized_unless_the_case_weighs_them() -> None:
    words = {"blend_words": ("cat", "chair")}
    for further, factor in ({}, 2.0), ({"word_weights": {"chair": 3.0}}, 3.0):
        cases = [case("a", **words, **further)]
        plan = P2P.control(BACKBONE, LatentImage(normal(1, 1), cases, BACKBONE.decode)).plan  # type: ignore[arg-type]
        assert plan.factor[0, 7:11].tolist() == [1, factor, factor, 1]
        assert [row.nonzero().flatten().tolist() for row in plan.marked[0]] == [[2], [8, 9]]
