"""Prompt-to-Prompt and null-text inversion, on a small network of Stable Diffusion's kind."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from conftest import GOLDEN, Silent
from golden_replay.recording import Golden
from golden_replay.spoken import Spoken, Words
from torch import Tensor

from ids.backbones.hooks import hooked
from ids.core.capabilities import Tokens
from ids.core.errors import ConfigError, DataError
from ids.core.protocols import Editor
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion import Guided
from ids.diffusion.ddim import leading, sample
from ids.editing import Metered
from ids.methods import DDIMInversion, LocalBlend, NullTextInversion, PromptToPrompt, Reconstruction
from ids.methods.inversion import Descent
from ids.methods.p2p_words import positions, replacement, shares, weights
from ids.representations import LatentImage

SD = Golden(GOLDEN).backbone(torch.float64, "sd4")
UNET = SD.denoiser.unet
A, B = "a cat on the chair", "a fluffy cat on the red chair"
BACKBONE = Spoken(SD, (A, B))
P2P = PromptToPrompt(DDIMInversion(5, 0), LocalBlend(side=0.5), self_side=1.0)


def case(name: str, source: str = A, target: str = B, **words: object) -> EditCase:
    return EditCase(name, Shapes(count=1)[0].source, source, target, **words)  # type: ignore[arg-type]


def normal(rows: int, seed: int, size: tuple[int, int] = (16, 16)) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 4, *size, dtype=torch.float64, generator=rng)


def edited(edit: Editor, z: Tensor, cases: list[EditCase], backbone: object = BACKBONE) -> Tensor:
    subject = LatentImage(z, cases)
    edit(backbone, subject, Streams.of(0, [c.id for c in cases]), Silent())  # type: ignore[arg-type]
    return subject.z_trg.detach()


@pytest.mark.parametrize("guidance_scale", [7.5, 1.0])
def test_equal_prompts_give_the_source_row(guidance_scale: float) -> None:
    """The row that the source itself takes at that guidance: its reconstruction."""
    z, same = normal(1, 1), [case("a", A, A)]
    own = edited(Reconstruction(DDIMInversion(5, 0), guidance_scale), z, same)
    ours = edited(replace(P2P, guidance_scale=guidance_scale), z, same)
    torch.testing.assert_close(ours, own, rtol=0, atol=1e-10)


def test_everything_left_alone_is_plain_sampling_and_stays_fused() -> None:
    """Without shares the target's row is what it would be alone, and no attention is opened."""
    z = normal(1, 1)
    free = replace(P2P, cross_share=0.0, self_share=0.0, blend=None)
    control = free.control(BACKBONE, LatentImage(z, [case("a")]))  # type: ignore[arg-type]
    for step in range(5):
        control.step = step
        assert not control.wants("x.attn1.probs", 4)
        assert not control.wants("x.attn2.probs", 4)
    y, y_null, times = SD.prompt(["target"]), SD.prompt([""]), leading(5, 1000, 0)
    with torch.no_grad():
        descent = Descent(7.5, y_null, times)
        z_T = DDIMInversion(5, 0)(BACKBONE, z, [A], descent, Silent()).states[times[0]]  # type: ignore[arg-type]
        alone = sample(Guided(SD, y_null, 7.5), z_T, y, times)
    torch.testing.assert_close(edited(free, z, [case("a")]), alone, rtol=0, atol=1e-10)
    assert not torch.allclose(edited(P2P, z, [case("a")]), alone)


def test_self_attention_is_taken_early_and_from_small_maps() -> None:
    """Up to half of the latent's sides, 32 of 64, in the first 60 % of the steps; odd sides too."""
    for size, largest in ((64, 64), 32 * 32), ((65, 33), 33 * 17):
        z = torch.zeros(1, 4, *size, dtype=torch.float64)
        p2p = replace(P2P, inversion=DDIMInversion(10, 0), self_side=0.5)
        control = p2p.control(BACKBONE, LatentImage(z, [case("a")]))  # type: ignore[arg-type]
        assert control.wants("x.attn1.probs", largest)
        assert not control.wants("x.attn1.probs", largest + 1)
        control.step = 6
        assert not control.wants("x.attn1.probs", largest)


@pytest.mark.parametrize("words", [{}, {"blend_words": ("chair", "chair")}])
def test_batch_mates_change_nothing(words: dict[str, object]) -> None:
    z, cases = normal(3, 2), [case("a"), case("b", A, A, **words), case("c", B, A)]
    together = edited(P2P, z, cases)
    for row in range(3):
        alone = edited(P2P, z[row : row + 1], cases[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [(16, 16), (17, 21)])
@pytest.mark.parametrize("side", [0.25, 0.5])
def test_a_blend_keeps_the_rest_of_the_latent(size: tuple[int, int], side: float) -> None:
    z = normal(1, 1, size)
    source = edited(Reconstruction(DDIMInversion(5, 0), guidance_scale=7.5), z, [case("a", A, A)])
    blended = edited(
        replace(P2P, blend=LocalBlend(0.0, 0.95, side), blend_weight=1.0),
        z,
        [case("a", blend_words=("chair", "chair"))],
    )
    same = (blended - source).abs().amax((0, 1)) < 1e-12
    assert 0.2 < same.double().mean() < 1


def test_a_blend_looks_on_in_every_step_whatever_batch_mates_ask_for() -> None:
    worded = case("a", blend_words=("chair", "chair"))
    for cases in [case("b")], [case("b"), worded]:
        subject = LatentImage(normal(len(cases), 1), cases)
        control = P2P.control(BACKBONE, subject)  # type: ignore[arg-type]
        control.step = 4
        assert [control.wants("x.attn2.probs", n) for n in (256, 64, 16)] == [False, True, False]


def test_a_blend_starts_late() -> None:
    """The first fifth of the steps is left alone."""
    z, attended = normal(2, 1), torch.zeros(1, 2, 64, dtype=torch.float64)
    attended[..., 0] = 1
    blend, worded = LocalBlend(0.2, side=0.5), torch.tensor([True])
    assert torch.equal(blend(z, attended, 9, 50, worded), z)
    assert not torch.equal(blend(z, attended, 10, 50, worded), z)


def test_a_blend_without_maps_to_look_at_is_refused() -> None:
    worded = [case("a", blend_words=("chair", "chair"))]
    with pytest.raises(ConfigError, match="it has none of 5x5 where latents have 16x16"):
        edited(replace(P2P, blend=LocalBlend(side=0.3)), normal(1, 1), worded)
    unblended = replace(P2P, blend=None, blend_weight=1.0)
    plain = edited(unblended, normal(1, 1), [case("a")])
    assert torch.equal(edited(unblended, normal(1, 1), worded), plain)


def test_emphasis_is_of_its_word_alone() -> None:
    tokens = Words().tokens(B)
    factors = weights({"chair": 2.0}, B, tokens, 77)
    assert factors.nonzero().numel() == 77
    assert (factors == 2).nonzero().flatten().tolist() == positions(B, tokens, "chair") == [8, 9]
    z = normal(1, 1)
    plain = edited(P2P, z, [case("a")])
    assert not torch.allclose(edited(P2P, z, [case("a", word_weights={"red": 5.0})]), plain)


def test_blend_words_are_emphasized_unless_the_case_says_otherwise() -> None:
    words = {"blend_words": ("cat", "chair")}
    for further, factor in ({}, 2.0), ({"word_weights": {"chair": 3.0}}, 3.0):
        told = [case("a", **words, **further)]
        plan = P2P.control(BACKBONE, LatentImage(normal(1, 1), told)).plan  # type: ignore[arg-type]
        assert plan.factor[0, 7:11].tolist() == [1, factor, factor, 1]
        assert [row.nonzero().flatten().tolist() for row in plan.marked[0]] == [[2], [8, 9]]


def test_words_that_cannot_be_found_or_paired_are_named() -> None:
    with pytest.raises(DataError, match="word 'dog': expected one of the prompt"):
        P2P.check(BACKBONE, case("a", word_weights={"dog": 2.0}))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="as many words"):
        replace(P2P, words="replace").check(BACKBONE, case("a"))  # type: ignore[arg-type]
    words = Words()
    swapped = "a tiger on the bench"
    table = replacement((A, words.tokens(A)), (swapped, words.tokens(swapped)), 77)
    assert table[2, 2:4].tolist() == [0.5, 0.5]  # cat to tig-er


def test_words_are_what_any_white_space_parts() -> None:
    for text in ("a  red\tcircle on", " a red circle  on "):
        tokens = Tokens((0, 1, 2, 3, 4, 5), ("a", "red", "circle", "on"))
        assert [positions(text, tokens, word) for word in ("red", "circle", "on")] == [
            [2],
            [3],
            [4],
        ]
        plain = ("a red circle on", tokens)
        assert torch.equal(replacement((text, tokens), plain, 9), replacement(plain, plain, 9))


def test_words_that_cannot_be_counted_are_refused() -> None:
    with pytest.raises(DataError, match="whole characters"):
        positions("“a” cat", Tokens((0, 1, 2, 3), ("\ufffd", "a", "cat")), "cat")
    short = Tokens((0, 1, 2), ("a", "red"))  # the circle was cut off
    with pytest.raises(DataError, match="'circle' among its tokens; it was cut off"):
        replacement(("a red circle", short), ("a red square", short), 9)


def test_shares_by_word_and_between() -> None:
    """As the released `cross_replace_steps`; a word that the prompt has not is passed over."""
    tokens = Words().tokens(A)
    taken = shares({"default": 0.8, "cat": [0.2, 0.4], "dog": 0.1}, A, tokens, 9, 77)
    assert taken[:, 1].tolist() == [1] * 8 + [0] * 2
    assert taken[:, 2].tolist() == [0] * 2 + [1] * 2 + [0] * 6
    for wrong in (1.2, [0.5, 0.2], [0.1], {"cat": -1.0}):
        with pytest.raises(ValueError, match=r"method.cross_share: expected a share"):
            replace(P2P, cross_share=wrong)


def test_nothing_is_left_on_the_network() -> None:
    before = [module.processor for module in UNET.modules() if hasattr(module, "processor")]
    edited(P2P, normal(1, 1), [case("a")])

    class Failing:
        sites = "*.attn2.probs"

        def __call__(self, site: str, h: Tensor) -> Tensor:
            raise RuntimeError("inside")

    t, y = torch.tensor([500]), SD.prompt(["source"])
    with pytest.raises(RuntimeError, match="inside"), hooked(UNET, Failing()):
        SD.eps(normal(1, 1), y, t)
    after = [module.processor for module in UNET.modules() if hasattr(module, "processor")]
    assert all(one is other for one, other in zip(before, after, strict=True))


def test_opened_attention_is_the_fused_one() -> None:
    class Untouched:
        sites = "*.attn1.probs *.attn2.probs"

        def __call__(self, site: str, h: Tensor) -> Tensor:
            torch.testing.assert_close(h.sum(-1), torch.ones(h.shape[:-1]).double())
            return h

    z, t, y = normal(2, 1), torch.tensor([500, 7]), SD.prompt(["source", "target"])
    fused = SD.eps(z, y, t)
    with SD.hooked(Untouched()):
        opened = SD.eps(z, y, t)
    torch.testing.assert_close(opened, fused, rtol=1e-9, atol=1e-10)


def test_hooks_of_one_attention_stack() -> None:
    """The inner one sees what the outer one gave, and all is as it was afterwards."""

    @dataclass
    class Adding:
        by: float
        seen: float = 0.0
        sites = "mid_block.*.attn2.probs"

        def __call__(self, site: str, h: Tensor) -> Tensor:
            self.seen = float(h.sum())
            return h + self.by

    outer, inner, z, t = Adding(1.0), Adding(0.0), normal(1, 1), torch.tensor([500])
    before = SD.eps(z, SD.prompt(["source"]), t)
    with SD.hooked(outer), SD.hooked(inner):
        assert not torch.equal(SD.eps(z, SD.prompt(["source"]), t), before)
    assert inner.seen > outer.seen > 0
    assert torch.equal(SD.eps(z, SD.prompt(["source"]), t), before)


def test_attention_that_computes_more_is_not_opened() -> None:
    class Listening:
        sites = "mid_block.*.attn1.probs"

        def __call__(self, site: str, h: Tensor) -> Tensor:
            return h

    attention = UNET.mid_block.attentions[0].transformer_blocks[0].attn1
    attention.residual_connection = True
    try:
        with pytest.raises(ConfigError, match="has residual_connection"), SD.hooked(Listening()):
            pass
    finally:
        attention.residual_connection = False


def test_null_text_finds_the_way_back_under_guidance() -> None:
    z, cases = normal(2, 3), [case("a"), case("b")]
    lost = {
        name: (edited(Reconstruction(inversion, 7.5), z, cases) - z).flatten(1).norm(dim=1)
        for name, inversion in {
            "ddim": DDIMInversion(5, 0),
            "null text": NullTextInversion(5, n_inner=10, lr=0.1),
        }.items()
    }
    assert (lost["null text"] < 0.9 * lost["ddim"]).all()


def test_null_text_rows_stop_alone() -> None:
    """Each row ends where it would alone, though they need different numbers of inner steps."""
    z, cases = normal(2, 3), [case("a"), case("b", B, A)]
    edit = Reconstruction(NullTextInversion(4, n_inner=6, tolerance=0.02), 7.5)
    together = edited(edit, z, cases)
    for row in range(2):
        alone = edited(edit, z[row : row + 1], cases[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-7, atol=1e-8)


def test_the_released_schedule_of_a_fit() -> None:
    """lr (1 - i / 100), and an end below 1e-5 + 2e-5 i: Adam's first step has the length lr, and a
    loss of 2e-5 is too much in step 0 and enough in step 1.
    """
    y, goal, asked = torch.zeros(1, 3, 2), torch.zeros(1, 4, 8, 8), []

    def down(y_null: Tensor) -> Tensor:
        asked.append(1)
        return goal + 2e-5**0.5 + 0 * y_null.sum()

    for step, inner in (0, 10), (1, 1), (40, 1):
        asked.clear()
        NullTextInversion()._fitted(down, y, goal, step)
        assert len(asked) == inner
    for step in (0, 40):
        fitted = NullTextInversion(n_inner=1)._fitted(lambda y: goal + 1 + y.sum(), y, goal, step)
        torch.testing.assert_close(fitted, torch.full_like(y, -0.01 * (1 - step / 100)))


def test_a_row_that_is_there_waits_for_the_others() -> None:
    y, goal = torch.zeros(2, 3, 2), torch.zeros(2, 4, 8, 8)
    away = torch.tensor([1e-4, 1.0]).view(2, 1, 1, 1)

    def down(y_null: Tensor) -> Tensor:
        return goal + away + y_null.mean((1, 2)).view(2, 1, 1, 1)

    fitted = NullTextInversion(n_inner=3)._fitted(down, y, goal, 0)
    torch.testing.assert_close(fitted[0], torch.full((3, 2), -0.01))
    torch.testing.assert_close(fitted[1], torch.full((3, 2), -0.03), atol=1e-3, rtol=0)


def test_null_text_fits_the_guidance_and_the_negative_prompt_of_the_edit() -> None:
    z, cases = normal(1, 3), [case("a")]
    edit = Reconstruction(NullTextInversion(5, n_inner=10, lr=0.1), 3.0)
    ddim = Reconstruction(DDIMInversion(5, 0), 3.0)
    assert (edited(edit, z, cases) - z).norm() < 0.9 * (edited(ddim, z, cases) - z).norm()
    none = replace(edit, inversion=NullTextInversion(5, n_inner=0), negative_prompt=B)
    told = replace(ddim, negative_prompt=B)
    torch.testing.assert_close(edited(none, z, cases), edited(told, z, cases))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Reconstruction(NullTextInversion()), "guidance_scale: expected one that reads"),
        (lambda: replace(P2P, inversion=NullTextInversion(), guidance_scale=1.0), "reads null"),
        (lambda: NullTextInversion(0), "n_steps: expected 1 or more"),
        (lambda: NullTextInversion(100), "n_steps: expected at most 99"),
        (lambda: NullTextInversion(offset=3), "offset"),
        (lambda: NullTextInversion(lr=-1.0), "inversion.lr"),
        (lambda: replace(P2P, self_side=-1.0), "self_side"),
        (lambda: replace(P2P, words="swap"), "method.words"),
        (lambda: LocalBlend(side=0.0), "take method.blend=null"),
        (lambda: LocalBlend(threshold=2.0), "threshold"),
    ],
)
def test_values_that_cannot_be_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_what_they_cost() -> None:
    metered = Metered(SD)
    spoken = replace(BACKBONE, backbone=metered)  # type: ignore[arg-type]
    edited(P2P, normal(1, 1), [case("a")], spoken)
    assert (metered.passes.forwards, metered.passes.backwards) == (5 + 5 * 4, 0)
    metered = Metered(SD)
    spoken = replace(BACKBONE, backbone=metered)  # type: ignore[arg-type]
    edited(
        Reconstruction(NullTextInversion(3, n_inner=2, tolerance=0.0), 7.5),
        normal(1, 1),
        [case("a")],
        spoken,
    )
    assert metered.passes.backwards == 3 * 2
    assert metered.passes.forwards == 3 + 3 * (2 + 2) + 2 * 3
