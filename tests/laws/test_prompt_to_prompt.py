"""Prompt-to-Prompt: attention replacement, local blend, cost."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from fake_text_sd import BACKBONE, P2P, A, B, case, edited
from golden_replay import prompt_to_prompt
from golden_replay.fake_text import FromNoise
from recorded_sd import SD, UNET, normal
from torch import Tensor

from ids.backbones.hooks import hooked
from ids.backbones.sites import Selection
from ids.core.edit import EditContext
from ids.core.errors import ConfigError
from ids.core.rng import Streams
from ids.diffusion import Guided
from ids.diffusion.ddim import leading, sample
from ids.editing import MeteredBackbone
from ids.methods import DDIMInversion, LocalBlend, Reconstruction
from ids.methods.inversion import InversionRequest
from ids.representations import LatentImage

LARGE = (16, 16)  # with maps of several sizes


@pytest.mark.parametrize("guidance_scale", [7.5, 1.0])
def test_equal_prompts_give_the_reconstruction(guidance_scale: float) -> None:
    """At the same guidance scale."""
    z, same = normal(1, 1), [case("a", A, A)]
    reconstruction = edited(Reconstruction(DDIMInversion(5, 0), guidance_scale), z, same)
    ours = edited(replace(P2P, guidance_scale=guidance_scale), z, same)
    torch.testing.assert_close(ours, reconstruction, rtol=0, atol=1e-10)


def test_without_shares_it_is_plain_sampling_with_fused_attention() -> None:
    """The target's row equals sampling it alone, and no attention is hooked."""
    z = normal(1, 1)
    free = replace(P2P, cross_share=0.0, self_share=0.0, blend=None)
    control = free.control(BACKBONE, LatentImage(z, [case("a")], SD.decode))  # type: ignore[arg-type]
    for step in range(5):
        control.step = step
        assert not control.wants("x.attn1.probs", 4)
        assert not control.wants("x.attn2.probs", 4)
    y, y_null, times = SD.prompt(["target"]), SD.prompt([""]), leading(5, 1000, 0)
    with torch.no_grad():
        request = InversionRequest(SD.prompt(["source"]), y_null, 7.5, times)
        context = EditContext(SD, Streams(("a",)))
        z_T = DDIMInversion(5, 0)(context, z, request).states[times[0]]
        alone = sample(Guided(SD, y_null, 7.5), z_T, y, times)
    torch.testing.assert_close(edited(free, z, [case("a")]), alone, rtol=0, atol=1e-10)
    assert not torch.allclose(edited(P2P, z, [case("a")]), alone)


def test_self_attention_is_taken_early_and_from_small_maps() -> None:
    """Up to half of the latent's sides, 32 of 64, in the first 60 % of the steps; odd sides too."""
    for size, largest in ((64, 64), 32 * 32), ((65, 33), 33 * 17):
        z = torch.zeros(1, 4, *size, dtype=torch.float64)
        p2p = replace(P2P, inversion=DDIMInversion(10, 0), self_side=0.5)
        control = p2p.control(BACKBONE, LatentImage(z, [case("a")], SD.decode))  # type: ignore[arg-type]
        assert control.wants("x.attn1.probs", largest)
        assert not control.wants("x.attn1.probs", largest + 1)
        control.step = 6
        assert not control.wants("x.attn1.probs", largest)


def test_self_attention_is_taken_between_two_shares() -> None:
    """As the released `self_replace_steps`, of all steps: from the first up to the second."""
    between = replace(P2P, inversion=DDIMInversion(10, 0), self_share=(0.25, 0.8))
    control = between.control(BACKBONE, LatentImage(normal(1, 1), [case("a")], SD.decode))  # type: ignore[arg-type]
    for step in range(10):
        control.step = step
        assert control.wants("x.attn1.probs", 4) == (2 <= step < 8)
    z, cases = normal(1, 1), [case("a")]
    ours = {
        share: edited(replace(P2P, self_share=share), z, cases)
        for share in (0.6, (0.0, 0.6), (0.4, 0.6), 0.0, (0.6, 0.6))
    }
    assert torch.equal(ours[0.6], ours[0.0, 0.6])
    assert torch.equal(ours[0.0], ours[0.6, 0.6])
    assert not torch.allclose(ours[0.6], ours[0.4, 0.6])
    assert not torch.allclose(ours[0.0], ours[0.4, 0.6])


def test_recorded_controllers_may_name_two_shares() -> None:
    recorded = {"num_steps": 10, "cross_replace_steps": 0.4, "self_replace_steps": [0.2, 0.8]}
    z = normal(1, 1)
    editor = prompt_to_prompt._editor("refine", recorded, FromNoise(z, 10))
    control = editor.control(BACKBONE, LatentImage(z, [case("a")], SD.decode))  # type: ignore[arg-type]
    assert control.selves == range(2, 8)


@pytest.mark.parametrize("words", [{}, {"blend_words": ("chair", "chair")}])
def test_rows_are_independent_of_the_batch(words: dict[str, object]) -> None:
    z, cases = normal(3, 2), [case("a"), case("b", A, A, **words), case("c", B, A)]
    together = edited(P2P, z, cases)
    for row in range(3):
        alone = edited(P2P, z[row : row + 1], cases[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [LARGE, (17, 21)])
@pytest.mark.parametrize("side", [0.25, 0.5])
def test_a_blend_preserves_the_rest_of_the_latent(size: tuple[int, int], side: float) -> None:
    z = normal(1, 1, size=size)
    source = edited(Reconstruction(DDIMInversion(5, 0), guidance_scale=7.5), z, [case("a", A, A)])
    blended = edited(
        replace(P2P, blend=LocalBlend(0.0, 0.95, side), blend_weight=1.0),
        z,
        [case("a", blend_words=("chair", "chair"))],
    )
    same = (blended - source).abs().amax((0, 1)) < 1e-12
    assert 0.2 < same.double().mean() < 1


def test_a_blend_observes_every_step_whatever_the_batch() -> None:
    worded = case("a", blend_words=("chair", "chair"))
    for cases in [case("b")], [case("b"), worded]:
        subject = LatentImage(normal(len(cases), 1, size=LARGE), cases, SD.decode)
        control = P2P.control(BACKBONE, subject)  # type: ignore[arg-type]
        control.step = 4
        assert [control.wants("x.attn2.probs", n) for n in (256, 64, 16)] == [False, True, False]


def test_a_blend_starts_late() -> None:
    """Not in the first fifth of the steps."""
    z, attended = normal(2, 1, size=LARGE), torch.zeros(1, 2, 64, dtype=torch.float64)
    attended[..., 0] = 1
    blend, worded = LocalBlend(0.2, side=0.5), torch.tensor([True])
    assert torch.equal(blend(z, attended, 9, 50, worded), z)
    assert not torch.equal(blend(z, attended, 10, 50, worded), z)


def test_a_side_without_self_attention_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"method.self_side: .* none up to 0.05 of 16x16"):
        edited(replace(P2P, self_side=0.05), normal(1, 1, size=LARGE), [case("a")])
    edited(replace(P2P, self_side=0.05, self_share=0.0), normal(1, 1), [case("a")])


def test_a_blend_without_maps_of_its_size_is_refused() -> None:
    worded = [case("a", blend_words=("chair", "chair"))]
    with pytest.raises(ConfigError, match="it has none of 5x5 where latents have 16x16"):
        edited(replace(P2P, blend=LocalBlend(side=0.3)), normal(1, 1, size=LARGE), worded)
    unblended = replace(P2P, blend=None, blend_weight=1.0)
    plain = edited(unblended, normal(1, 1), [case("a")])
    assert torch.equal(edited(unblended, normal(1, 1), worded), plain)


def test_nothing_is_left_on_the_network() -> None:
    before = [module.processor for module in UNET.modules() if hasattr(module, "processor")]
    edited(P2P, normal(1, 1), [case("a")])

    class Failing:
        sites = "*.attn2.probs"

        def __call__(self, site: str, h: Tensor) -> Tensor:
            raise RuntimeError("inside")

    t, y = torch.tensor([500]), SD.prompt(["source"])
    with (
        pytest.raises(RuntimeError, match="inside"),
        hooked(Selection(UNET, Failing.sites), Failing()),
    ):
        SD.eps(normal(1, 1), y, t)
    after = [module.processor for module in UNET.modules() if hasattr(module, "processor")]
    assert all(one is other for one, other in zip(before, after, strict=True))


def test_nfe() -> None:
    metered = MeteredBackbone(SD)
    edited(P2P, normal(1, 1), [case("a")], backbone=replace(BACKBONE, backbone=metered))  # type: ignore[arg-type]
    assert (metered.nfe.forwards, metered.nfe.backwards) == (5 + 5 * 4, 0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: replace(P2P, self_side=-1.0), "self_side"),
        (lambda: LocalBlend(side=0.0), "take method.blend=null"),
        (lambda: LocalBlend(threshold=2.0), "threshold"),
    ],
)
def test_invalid_values_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
