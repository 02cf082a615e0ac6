"""The contrastive score on a small network of the true architecture: rows, gradients, NFE."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest
import torch
from conftest import GOLDEN
from golden_replay.recording import Golden
from torch import Tensor

from ids.backbones.latent_diffusion import LatentDiffusion
from ids.core.edit import EditContext
from ids.core.errors import DataError
from ids.core.protocols import Distillation
from ids.core.records import Draw, EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion import Guided, Uniform
from ids.editing import DistillationEditor, MeteredBackbone
from ids.methods import (
    DDS,
    FPR,
    FiniteDifferenceFPR,
    NoiseFPR,
    NoRefinement,
    PatchNCE,
    PolyakFPR,
    Refined,
    SquaredFPR,
    Sum,
)
from ids.methods.rules.patch_nce import patch_nce
from ids.representations import LatentImage

BACKBONE = Golden(GOLDEN).backbone(torch.float64)
UNET = BACKBONE.denoiser.unet
SITES = "up_blocks.*.attn1"
CUT = PatchNCE(n_patches=24)
CDS = Sum({"dds": DDS(), "cut": CUT}, {"dds": 0.5, "cut": 3.0})


def case(name: str, source: str = "source", target: str = "target") -> EditCase:
    return EditCase(name, Shapes(count=1)[0].source, source, target)


def normal(rows: int, seed: int, height: int = 16, width: int = 16) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 4, height, width, dtype=torch.float64, generator=rng)


def half_step(
    rows: int, seed: int, height: int = 16, width: int = 16
) -> tuple[Draw, Tensor, Tensor]:
    """A draw, a source and a target of that many rows."""
    z_src, z_trg, eps = (normal(rows, seed + i, height, width) for i in range(3))
    t = torch.tensor([100, 400, 700, 900])[:rows]
    return Draw(t, eps, Streams(tuple("abcd"[:rows])), t - 1), z_src, z_trg


def guided(backbone: LatentDiffusion | MeteredBackbone = BACKBONE, rows: int = 1) -> Guided:
    return Guided(backbone, BACKBONE.prompt([""] * rows), 7.5)


def gradient(
    rule: Distillation, draw: Draw, z_src: Tensor, z_trg: Tensor, prompt: str = "target"
) -> Tensor:
    rows = len(z_src)
    y_src, y_trg = BACKBONE.prompt(["source"] * rows), BACKBONE.prompt([prompt] * rows)
    eps_phi = guided(rows=rows)
    anchor = rule.anchor(eps_phi, z_src, y_src, draw)
    return rule.grad(eps_phi, z_trg, y_trg, anchor)


def row(draw: Draw, index: int) -> Draw:
    at = slice(index, index + 1)
    assert isinstance(draw.rng, Streams)
    assert draw.t_prev is not None
    return Draw(draw.t[at], draw.eps[at], Streams(draw.rng.keys[at]), draw.t_prev[at])


@pytest.mark.parametrize(
    "rule",
    [CDS, CUT, Refined(CDS, FPR(1)), Refined(CDS, PolyakFPR())],
    ids=lambda r: type(r).__name__,
)
@pytest.mark.parametrize("size", [(8, 8), (8, 16)])
def test_rows_are_independent_of_the_batch(rule: Distillation, size: tuple[int, int]) -> None:
    draw, z_src, z_trg = half_step(3, 1, *size)
    together = gradient(rule, draw, z_src, z_trg)
    for index in range(3):
        at = slice(index, index + 1)
        alone = gradient(rule, row(draw, index), z_src[at], z_trg[at])
        torch.testing.assert_close(together[at], alone, rtol=1e-9, atol=1e-12)


def test_the_gradient_of_the_losses_passes_through_the_network() -> None:
    """Against finite differences of the summed losses."""
    draw, z_src, z_trg = half_step(2, 1)
    eps_phi, y = guided(rows=2), BACKBONE.prompt(["target", "target"])
    anchor = CUT.anchor(eps_phi, z_src, BACKBONE.prompt(["source", "source"]), draw)
    push, h = normal(2, 9), 1e-5

    def loss(z: Tensor) -> Tensor:
        s = BACKBONE.schedule
        z_t = s.alpha(draw.t) * z + s.sigma(draw.t) * draw.eps
        _, maps = BACKBONE.features(z_t, y, draw.t, SITES)
        return torch.stack([*CUT.losses_of(maps, anchor).values()]).sum()

    slope = (loss(z_trg + h * push) - loss(z_trg - h * push)) / (2 * h)
    exact = (CUT.grad(eps_phi, z_trg, y, anchor) * push).sum()
    torch.testing.assert_close(exact, slope, rtol=1e-6, atol=1e-9)


def test_the_contrastive_gradient_of_equal_prompts_is_not_zero() -> None:
    """Each patch is most similar to its place, but its similarity to other places is still pushed
    down. The DDS half is exactly 0, and so are DDS and IDS.
    """
    draw, z, _ = half_step(2, 1)
    for rule in (DDS(), Refined(DDS(), FPR(1)), Sum({"dds": DDS()}, {"dds": 2.0})):
        assert torch.equal(gradient(rule, draw, z, z, prompt="source"), torch.zeros_like(z))
    alone = gradient(CUT, draw, z, z, prompt="source")
    assert alone.abs().max() > 1e-4
    torch.testing.assert_close(gradient(CDS, draw, z, z, prompt="source"), 3 * alone)


def test_a_sum_shares_its_network_passes() -> None:
    """CDS costs four forwards and one backward per step: eps is that of the pass for the features,
    and the null half has no backward.
    """
    draw, z_src, z_trg = half_step(1, 1)
    apart = 0.5 * gradient(DDS(), draw, z_src, z_trg) + 3 * gradient(CUT, draw, z_src, z_trg)
    torch.testing.assert_close(gradient(CDS, draw, z_src, z_trg), apart, rtol=1e-9, atol=1e-12)
    metered, y = MeteredBackbone(BACKBONE), BACKBONE.prompt(["target"])
    anchor = CDS.anchor(guided(metered), z_src, y, draw)
    assert (metered.nfe.forwards, metered.nfe.backwards) == (2, 0)
    CDS.grad(guided(metered), z_trg, y, anchor)
    assert (metered.nfe.forwards, metered.nfe.backwards) == (4, 1)


@pytest.mark.parametrize(
    "refine",
    [FPR(2), SquaredFPR(1), NoiseFPR(2), FiniteDifferenceFPR(1, cosine=True), PolyakFPR(2)],
    ids=lambda refine: type(refine).__name__,
)
def test_contrast_on_refined_noise(refine: object) -> None:
    """IDS + CUT with every refiner: the features are those of the refined noise."""
    draw, z_src, _ = half_step(2, 1)
    y, eps_phi = BACKBONE.prompt(["source"] * 2), guided(rows=2)
    anchor = Refined(CDS, refine).anchor(eps_phi, z_src, y, draw)  # type: ignore[arg-type]
    assert not torch.equal(anchor.draw.eps, draw.eps)
    plain = CDS.anchor(eps_phi, z_src, y, anchor.draw)
    features = anchor.parts["cut"].features
    for place, kept in plain.parts["cut"].features.items():
        assert torch.equal(features[place], kept)
    assert anchor.logs["fpr_residual_after"].shape == (2,)
    if isinstance(refine, FiniteDifferenceFPR):
        assert (anchor.logs["fpr_cosine"].abs() <= 1).all()


def test_only_the_sampled_places_are_kept() -> None:
    draw, z_src, _ = half_step(2, 1)
    anchor = CUT.anchor(guided(rows=2), z_src, BACKBONE.prompt(["source"] * 2), draw)
    assert {f.shape[1] for f in anchor.features.values()} == {16, 24}  # 4x4 pooled, else 24
    assert len(anchor.features) == 4 * 2
    for features in anchor.features.values():
        torch.testing.assert_close(features.norm(dim=2), torch.ones(features.shape[:2]).double())
        assert not torch.equal(features[0], features[1])


def test_a_patch_larger_than_a_map_is_refused() -> None:
    with pytest.raises(DataError, match="expected sizes up to 8"):
        gradient(replace(CUT, patch_sizes=(1, 16)), *half_step(1, 1))


def test_the_whole_loop_is_independent_of_the_batch() -> None:
    """CDS through the editor that `ids run` builds: two edits alone and side by side."""
    sgd = partial(torch.optim.SGD, lr=0.1)
    edit = DistillationEditor(CDS, Uniform(), sgd, 3, 7.5, 1.0, fpr=NoRefinement())
    cases, z = [case("a"), case("b")], normal(2, 5)
    ends: Mapping[bool, list[Tensor]] = {True: [], False: []}
    for together in (True, False):
        for rows in [slice(0, 2)] if together else [slice(0, 1), slice(1, 2)]:
            subject = LatentImage(z[rows], cases[rows], BACKBONE.decode)
            rng = Streams.of(0, [c.id for c in cases[rows]])
            edit(EditContext(BACKBONE, rng), subject)
            ends[together].append(subject.z_trg.detach())
    torch.testing.assert_close(torch.cat(ends[True]), torch.cat(ends[False]), rtol=0, atol=1e-9)


def test_the_loss_of_one_patch_by_hand() -> None:
    """Two orthogonal patches, each at its place: the other one is the only negative."""
    same = torch.eye(2).unsqueeze(0)
    expected = -torch.log_softmax(torch.tensor([1.0, -10.0, 0.0]) / 0.07, 0)[0]
    torch.testing.assert_close(patch_nce(same, same, 0.07), expected.expand(1, 2))
    swapped = patch_nce(same, same.flip(1), 0.07)
    assert (swapped > 10).all()


@pytest.mark.parametrize("sizes", [(), (0,), (1, 1)])
def test_invalid_patch_sizes_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="patch_sizes"):
        PatchNCE(patch_sizes=sizes)


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_invalid_weights_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=r"weights.cut: expected a finite number"):
        Sum({"cut": CUT}, {"cut": weight})
