"""Prompt-to-Prompt and null-text inversion, on a small network of Stable Diffusion's kind."""

from dataclasses import replace

import pytest
import torch
from conftest import GOLDEN, Silent
from golden_replay.recording import Golden
from golden_replay.spoken import Spoken, Words
from torch import Tensor

from ids.backbones.hooks import hooked
from ids.core.errors import DataError
from ids.core.protocols import Editor
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion import Guided
from ids.diffusion.ddim import leading, sample
from ids.editing import Metered
from ids.methods import DDIMInversion, LocalBlend, NullTextInversion, PromptToPrompt, Reconstruction
from ids.methods.p2p_words import positions, replacement, weights
from ids.representations import LatentImage

SD = Golden(GOLDEN).backbone(torch.float64, "sd4")
UNET = SD.denoiser.unet
A, B = "a cat on the chair", "a fluffy cat on the red chair"
BACKBONE = Spoken(SD, (A, B))
P2P = PromptToPrompt(DDIMInversion(5, 0), LocalBlend(side=0.5), self_side=1.0)


def case(name: str, source: str = A, target: str = B, **words: object) -> EditCase:
    return EditCase(name, Shapes(count=1)[0].source, source, target, **words)  # type: ignore[arg-type]


def normal(rows: int, seed: int) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 4, 16, 16, dtype=torch.float64, generator=rng)


def edited(edit: Editor, z: Tensor, cases: list[EditCase], backbone: object = BACKBONE) -> Tensor:
    subject = LatentImage(z, cases)
    edit(backbone, subject, Streams.of(0, [c.id for c in cases]), Silent())  # type: ignore[arg-type]
    return subject.z_trg.detach()


def test_equal_prompts_give_the_source_row() -> None:
    """The row that the source itself takes at that guidance: its reconstruction."""
    z = normal(1, 1)
    own = edited(Reconstruction(DDIMInversion(5, 0), guidance_scale=7.5), z, [case("a", A, A)])
    torch.testing.assert_close(edited(P2P, z, [case("a", A, A)]), own, rtol=0, atol=1e-10)


def test_everything_left_alone_is_plain_sampling_and_stays_fused() -> None:
    """Without shares the target's row is what it would be alone, and no attention is opened."""
    z = normal(1, 1)
    free = replace(P2P, cross_share=0.0, self_share=0.0)
    control = free.control(BACKBONE, LatentImage(z, [case("a")]), 77, 5)  # type: ignore[arg-type]
    for step in range(5):
        control.step = step
        assert not control.wants("x.attn1.probs", 4)
        assert not control.wants("x.attn2.probs", 4)
    y, y_null, times = SD.prompt(["target"]), SD.prompt([""]), leading(5, 1000, 0)
    with torch.no_grad():
        z_T = DDIMInversion(5, 0)(BACKBONE, z, [A], Silent()).states[times[0]]  # type: ignore[arg-type]
        alone = sample(Guided(SD, y_null, 7.5), z_T, y, times)
    torch.testing.assert_close(edited(free, z, [case("a")]), alone, rtol=0, atol=1e-10)
    assert not torch.allclose(edited(P2P, z, [case("a")]), alone)


@pytest.mark.parametrize("words", [{}, {"blend_words": ("chair", "chair")}])
def test_batch_mates_change_nothing(words: dict[str, object]) -> None:
    z, cases = normal(3, 2), [case("a"), case("b", A, A, **words), case("c", B, A)]
    together = edited(P2P, z, cases)
    for row in range(3):
        alone = edited(P2P, z[row : row + 1], cases[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-9, atol=1e-9)


def test_a_blend_keeps_the_rest_of_the_latent() -> None:
    z = normal(1, 1)
    source = edited(Reconstruction(DDIMInversion(5, 0), guidance_scale=7.5), z, [case("a", A, A)])
    blended = edited(
        replace(P2P, blend=LocalBlend(0.0, 0.95, 0.5), blend_weight=1.0),
        z,
        [case("a", blend_words=("chair", "chair"))],
    )
    same = (blended - source).abs().amax((0, 1)) < 1e-12
    assert 0.2 < same.double().mean() < 1


def test_emphasis_is_of_its_word_alone() -> None:
    tokens = Words().tokens(B)
    factors = weights({"chair": 2.0}, B, tokens, 77)
    assert factors.nonzero().numel() == 77
    assert (factors == 2).nonzero().flatten().tolist() == positions(B, tokens, "chair") == [8, 9]
    z = normal(1, 1)
    plain = edited(P2P, z, [case("a")])
    assert not torch.allclose(edited(P2P, z, [case("a", word_weights={"red": 5.0})]), plain)


def test_words_that_cannot_be_found_or_paired_are_named() -> None:
    with pytest.raises(DataError, match="word 'dog': expected one of the prompt"):
        edited(P2P, normal(1, 1), [case("a", word_weights={"dog": 2.0})])
    with pytest.raises(DataError, match="as many words"):
        edited(replace(P2P, words="replace"), normal(1, 1), [case("a")])
    words = Words()
    swapped = "a tiger on the bench"
    table = replacement((A, words.tokens(A)), (swapped, words.tokens(swapped)), 77)
    assert table[2, 2:4].tolist() == [0.5, 0.5]  # cat to tig-er


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


def test_what_they_cost() -> None:
    metered = Metered(SD)
    spoken = replace(BACKBONE, backbone=metered)  # type: ignore[arg-type]
    edited(P2P, normal(1, 1), [case("a")], spoken)
    assert (metered.passes.forwards, metered.passes.backwards) == (5 + 5 * 4, 0)
    metered = Metered(SD)
    spoken = replace(BACKBONE, backbone=metered)  # type: ignore[arg-type]
    edited(
        Reconstruction(NullTextInversion(3, n_inner=2, tolerance=0.0)),
        normal(1, 1),
        [case("a")],
        spoken,
    )
    assert metered.passes.backwards == 3 * 2
    assert metered.passes.forwards == 3 + 3 * (2 + 2) + 3
