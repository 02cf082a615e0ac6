"""Finishes: soft masks of an edit, and an editor whose states are finished."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest
import torch
from anchor_edits import IMAGES, editor
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ids.backbones import Gaussian
from ids.core.edit import EditContext, Editor, Silent
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.diffusion import SettleGuidance
from ids.editing import (
    Finished,
    MeteredBackbone,
    NoFinish,
    NullEdit,
    SoftMask,
    StateRecorder,
    ThereAndBack,
    TrueEdit,
)
from ids.editing.soft_mask import position_norm, quantile, spread
from ids.methods import SDS
from ids.representations import LatentImage, LatentSpace

WORLD = Gaussian().load(torch.device("cpu"))
MASKS = st.builds(
    SoftMask,
    quantile=st.none() | st.floats(0, 1),
    power=st.sampled_from([0.5, 1.0, 2.0]),
)
SEEDS = st.integers(0, 10**6)


def latents(seed: int, rows: int = 2) -> tuple[Tensor, Tensor]:
    """Sources, and edits that leave some positions untouched."""
    g = torch.Generator().manual_seed(seed)
    z_src, change = torch.randn(2, rows, 4, 6, 8, generator=g, dtype=torch.float64)
    untouched = torch.rand(rows, 1, 6, 8, generator=g) < 0.3
    return z_src, torch.where(untouched, z_src, z_src + change)


def norms(seed: int) -> Tensor:
    z_src, z_trg = latents(seed)
    return position_norm(z_trg - z_src)


@given(mask=MASKS, seed=SEEDS, scale=st.sampled_from([1e-30, 1e-3, 1.0, 1e30]))
def test_a_mask_is_a_share_that_does_not_depend_on_the_scale(
    mask: SoftMask, seed: int, scale: float
) -> None:
    n = norms(seed)
    m = mask.mask(n)
    assert m.shape == n.shape
    assert ((m >= 0) & (m <= 1)).all()
    assert (m[n == n.amax((1, 2, 3), keepdim=True)] == 1).all()
    torch.testing.assert_close(mask.mask(scale * n), m)


@given(mask=MASKS, seed=SEEDS)
def test_a_mask_grows_with_the_change(mask: SoftMask, seed: int) -> None:
    order = norms(seed).flatten(1).argsort(1)
    m = mask.mask(norms(seed)).flatten(1).gather(1, order)
    assert (m.diff(dim=1) >= 0).all()


@given(mask=MASKS, seed=SEEDS)
def test_a_mask_follows_flips_and_rows(mask: SoftMask, seed: int) -> None:
    z_src, z_trg = latents(seed)
    found = mask(z_src, z_trg, None)
    for dims in ((2,), (3,), (2, 3)):
        flipped = mask(z_src.flip(dims), z_trg.flip(dims), None)
        torch.testing.assert_close(flipped, found.flip(dims))
    alone = mask(z_src[1:], z_trg[1:], None)
    torch.testing.assert_close(alone, found[1:], rtol=0, atol=1e-12)


@given(mask=MASKS, seed=SEEDS)
def test_an_untouched_position_stays_the_source(mask: SoftMask, seed: int) -> None:
    z_src, z_trg = latents(seed)
    found = mask(z_src, z_trg, None)
    same = (z_src == z_trg).all(1, keepdim=True).expand_as(z_src)
    assert torch.equal(found[same], z_src[same])
    assert torch.equal(mask(z_src, z_src.clone(), None), z_src)


@given(seed=SEEDS)
def test_power_0_and_quantile_0_are_no_mask(seed: int) -> None:
    z_src, z_trg = latents(seed)
    for mask in (SoftMask(power=0.0), SoftMask(quantile=0.0)):
        assert torch.equal(mask(z_src, z_trg, None), z_trg)
    assert NoFinish()(z_src, z_trg, None) is z_trg


@given(seed=SEEDS, share=st.floats(0, 1))
def test_quantiles_are_those_of_torch(seed: int, share: float) -> None:
    n = norms(seed).flatten(1)
    shares = torch.full((2,), share, dtype=n.dtype)
    torch.testing.assert_close(quantile(n, shares), torch.quantile(n, share, dim=1))


@pytest.mark.parametrize("positions", [1, 12, 24, 47])
def test_the_spread_is_the_share_of_the_positions_that_change(positions: int) -> None:
    """A small region stays whole, whatever its share, and so does a whole image."""
    z_src, _ = latents(0)
    z_trg = z_src.clone().flatten(2)
    z_trg[..., :positions] += 0.5
    z_trg = z_trg.view_as(z_src)
    assert spread(position_norm(z_trg - z_src)).tolist() == pytest.approx([positions / 48] * 2)
    assert torch.equal(SoftMask()(z_src, z_trg, None), z_trg)
    torch.testing.assert_close(SoftMask()(z_src, z_src + 1, None), z_src + 1)


def test_what_surrounds_a_small_region_returns_to_the_source() -> None:
    z_src = torch.zeros(1, 1, 6, 8)
    z_trg = z_src + 0.01
    z_trg[..., :2, :3] = torch.linspace(0.5, 1, 6).view(2, 3)
    for mask in (SoftMask(), SoftMask(quantile=0.9)):
        found = mask(z_src, z_trg, None)
        assert (found[..., :2, :3] > 0.9 * z_trg[..., :2, :3]).sum() >= 4
        assert (found[..., 2:, :] < 0.1 * z_trg[..., 2:, :]).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("mask", [SoftMask(), SoftMask(quantile=0.85)])
def test_a_broken_edit_stays_broken_and_alone(mask: SoftMask, bad: float) -> None:
    z_src, z_trg = latents(3)
    z_trg[0, 0, 2, 2] = bad
    found = mask(z_src, z_trg, None)
    assert not found[0].isfinite().all()
    torch.testing.assert_close(found[1:], mask(z_src[1:], z_trg[1:], None))


def edited(
    edit: Editor, every: int = 0, cases: Sequence[EditCase] = IMAGES
) -> tuple[LatentImage, dict[int, Tensor], MeteredBackbone]:
    metered = MeteredBackbone(WORLD)
    subject = LatentSpace().open(WORLD, cases)
    rng = Streams.of(0, [case.source_digest for case in cases])
    recorder = StateRecorder(Silent(), subject, every)
    edit(EditContext(metered, rng, recorder), subject)
    return subject, recorder.states(), metered


FINISHES = [SoftMask(), SoftMask(quantile=0.85), SoftMask("gradient"), SoftMask("gradient", 0.7)]


@pytest.mark.parametrize("finish", FINISHES)
@pytest.mark.parametrize("lr", [0.1, 0.5])
def test_a_state_is_the_finished_result_of_a_shorter_edit(finish: SoftMask, lr: float) -> None:
    """The loop never sees a finished latent."""
    whole = Finished(editor(SDS(), n_steps=6, lr=lr), finish)
    subject, states, metered = edited(whole, every=2)
    assert list(states) == [0, 2, 4, 6]
    for step in (2, 4, 6):
        shorter = replace(whole, editor=replace(whole.editor, n_steps=step))  # type: ignore[type-var]
        assert torch.equal(states[step], edited(shorter)[0].z_trg.detach())
    raw, _, plain = edited(whole.editor)
    assert metered.nfe == plain.nfe
    if finish.of == "displacement":
        z_src, z_trg = raw.z_src, raw.z_trg.detach()
        assert torch.equal(subject.z_trg.detach(), finish(z_src, z_trg, None))
    assert not torch.allclose(subject.z_trg, raw.z_trg, atol=1e-3)


@pytest.mark.parametrize("finish", FINISHES)
def test_a_shift_of_the_whole_image_is_left_as_it_is(finish: SoftMask) -> None:
    """In the Gaussian world DDS moves all positions alike: their mask is 1."""
    raw, found = (edited(edit)[0] for edit in (editor(), Finished(editor(), finish)))
    assert (raw.z_trg - raw.z_src).abs().mean() > 0.01
    torch.testing.assert_close(found.z_trg, raw.z_trg, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("finish", FINISHES)
def test_a_finished_null_edit_returns_the_source(finish: SoftMask) -> None:
    """A displacement of 0 has no quantile above 0."""
    same = [replace(case, prompt_trg=case.prompt_src) for case in IMAGES]
    subject, _, _ = edited(Finished(editor(), finish), cases=same)
    assert torch.equal(subject.z_trg, subject.z_src)


def test_a_mask_of_gradients_takes_the_mean_over_the_steps() -> None:
    """One step of plain descent: the displacement is the gradient times the step size."""
    one = editor(n_steps=1)
    by_gradient = edited(Finished(one, SoftMask("gradient")))[0].z_trg
    by_displacement = edited(Finished(one, SoftMask()))[0].z_trg
    torch.testing.assert_close(by_gradient, by_displacement, rtol=1e-4, atol=1e-5)

    norms: list[Tensor] = []

    class Spy(SoftMask):
        def __call__(self, z_src: Tensor, z_trg: Tensor, gradient: Tensor | None) -> Tensor:
            assert gradient is not None
            norms.append(gradient)
            return super().__call__(z_src, z_trg, gradient)

    grown = replace(editor(n_steps=3), optimizer=partial(torch.optim.SGD, lr=0.1))
    _, states, _ = edited(grown, every=1)
    edited(Finished(grown, Spy("gradient")))
    pulls = [position_norm(states[k] - states[k - 1]) / 0.1 for k in (1, 2, 3)]
    torch.testing.assert_close(norms[-1], sum(pulls) / 3, rtol=1e-3, atol=1e-4)  # type: ignore[arg-type]


def test_the_null_edit_changes_nothing_and_the_true_edit_is_finished() -> None:
    null, states, _ = edited(Finished(NullEdit(), SoftMask()), every=1)
    assert torch.equal(null.z_trg, null.z_src)
    assert states == {}
    true, _, _ = edited(TrueEdit())
    found, _, _ = edited(Finished(TrueEdit(), SoftMask()))
    assert torch.equal(found.z_trg, SoftMask()(true.z_src, true.z_trg.detach(), None))


def test_a_finished_editor_is_as_its_editor() -> None:
    settled = replace(editor(n_steps=4), guidance=SettleGuidance(2))
    for inner in (editor(n_steps=4), settled, NullEdit()):
        finished = Finished(inner, SoftMask())
        for name in ("anytime", "uses_seed", "uses_prompts", "n_ticks"):
            assert getattr(finished, name) == getattr(inner, name)
    assert not Finished(settled, SoftMask()).anytime


def test_what_cannot_be_finished_is_refused() -> None:
    with pytest.raises(ValueError, match="finish: expected none for an edit and its reverse"):
        Finished(ThereAndBack(editor()), SoftMask())
    with pytest.raises(ValueError, match="descends a gradient; got NullEdit"):
        Finished(NullEdit(), SoftMask("gradient"))
    with pytest.raises(ValueError, match=r"finish.quantile: expected 0 to 1, or null; got 1.5"):
        SoftMask(quantile=1.5)
    with pytest.raises(ValueError, match=r"finish.power: expected 0 or more; got -1"):
        SoftMask(power=-1.0)
