"""Metrics on images whose numbers are known."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from judging import NETWORKS, Held, Networks, backbone_file, number

from ids.core.errors import ConfigError
from ids.core.records import Edited
from ids.data import Shapes
from ids.metrics import (
    LPIPS,
    MSE,
    PSNR,
    SSIM,
    Clip,
    ClipDirectional,
    ClipImage,
    ClipScore,
    FeatureDistance,
    LatentDistance,
    Success,
)
from ids.metrics.sizes import check_size
from ids.metrics.ssim import ssim_map

CASE = Shapes("dev", 1)[0]
SHAPES = [Shapes()[i] for i in range(6)]
SOURCE = CASE.source.load()


def edit(image: torch.Tensor) -> Edited:
    return Edited(image, torch.zeros(4, 2, 2), torch.full((4, 2, 2), 0.5))


def test_psnr_of_a_known_error() -> None:
    shifted = (SOURCE * 0.8 + 0.1).clamp(0, 1)
    mse = float((shifted - SOURCE).square().mean())
    assert number(PSNR(), CASE, edit(shifted)) == pytest.approx(-10 * math.log10(mse), abs=1e-4)


def test_the_background_ignores_what_happens_inside_the_mask() -> None:
    assert CASE.mask is not None
    inside = CASE.mask.load()
    changed = torch.where(inside > 0, 1 - SOURCE, SOURCE * 0.9)
    further = torch.where(inside > 0, SOURCE, SOURCE * 0.9)
    metric = PSNR(region="background")
    assert number(metric, CASE, edit(changed)) == pytest.approx(
        number(metric, CASE, edit(further)), abs=1e-4
    )
    outside = inside[0] == 0
    mse = float((0.1 * SOURCE[:, outside]).square().mean())
    assert number(metric, CASE, edit(changed)) == pytest.approx(-10 * math.log10(mse), abs=1e-3)


def test_the_true_edit_is_nearest_to_itself() -> None:
    assert CASE.truth is not None
    near = (CASE.truth.load() + 0.01).clamp(0, 1)
    assert number(PSNR("truth"), CASE, edit(near)) > 35 > number(PSNR("truth"), CASE, edit(SOURCE))


def test_undefined_is_nan_never_another_number() -> None:
    bare = replace(CASE, mask=None, truth=None)
    for metric in (PSNR("truth"), PSNR(region="background"), SSIM(region="background")):
        assert math.isnan(number(metric, bare, edit(SOURCE * 0.5)))
    for region in ("background", "edited"):
        assert math.isnan(number(MSE(region=region), bare, edit(SOURCE)))


def test_ssim_and_strength() -> None:
    assert number(SSIM(), CASE, edit(SOURCE)) == pytest.approx(1, abs=1e-4)
    assert number(SSIM(), CASE, edit(torch.rand_like(SOURCE))) < 0.5
    assert number(LatentDistance(), CASE, edit(SOURCE)) == pytest.approx(0.5)


@pytest.mark.parametrize("size", [(32, 32), (17, 40)])
def test_ssim_and_psnr_are_those_of_torchmetrics(size: tuple[int, int]) -> None:
    from torchmetrics.functional import image as reference

    x = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    y = (x + 0.1 * torch.sin(torch.arange(size[1]))).clamp(0, 1)
    mean, full = reference.structural_similarity_index_measure(
        x[None], y[None], data_range=1.0, return_full_image=True
    )
    assert torch.allclose(ssim_map(x, y), full[0], atol=2e-5)
    case = replace(CASE, source=Held(y))
    assert number(SSIM(), case, edit(x)) == pytest.approx(float(mean), abs=1e-5)
    psnr = reference.peak_signal_noise_ratio(x, y, data_range=1.0)
    assert number(PSNR(), case, edit(x)) == pytest.approx(float(psnr), abs=1e-4)


def test_names_and_titles_of_comparisons() -> None:
    assert [PSNR().name, PSNR(region="background").name, PSNR("truth").name] == [
        "psnr",
        "psnr_background",
        "psnr_truth",
    ]
    assert [SSIM().title, SSIM(region="background").title, FeatureDistance("truth").title] == [
        "SSIM",
        "SSIM bg",
        "feat. dist. true",
    ]


def test_images_that_are_too_small_for_a_metric_are_refused_by_name() -> None:
    metrics = (SSIM(), SSIM(region="background"), PSNR(), LatentDistance(), LPIPS("alex"))
    check_size(metrics, 31, 40)
    check_size((PSNR(), LatentDistance(), ClipScore(Clip("shapes", None))), 1, 1)
    check_size((SSIM(),), 11, 11)
    with pytest.raises(ConfigError, match=r"^metrics.ssim: expected .* 11 .* got 40x10"):
        check_size((SSIM(), PSNR()), 10, 40)
    with pytest.raises(ConfigError, match=r"metrics.ssim_background, metrics.lpips_alex: .* 31 "):
        check_size(metrics, 40, 8)


def test_a_batch_gives_the_numbers_of_its_edits_one_by_one(tmp_path: Path) -> None:
    """Of images of two sizes, with an undefined case in the middle."""
    cases = [*SHAPES[:3], replace(SHAPES[3], prompt_src="a cat", truth=None, mask=None)]
    cropped = [Held(case.source.load()[:, :48]) for case in SHAPES[4:6]]
    cases += [replace(c, source=x, truth=None) for c, x in zip(SHAPES[4:6], cropped, strict=True)]
    torch.manual_seed(0)
    images = [(x + 0.1 * torch.rand_like(x)).clamp(0, 1) for x in (c.source.load() for c in cases)]
    edits = [edit(image) for image in images]
    clip = Clip("shapes", None)
    networks = (FeatureDistance(), FeatureDistance("truth"), Success(), Success("source"))
    networks += (ClipScore(clip), ClipImage(clip), ClipDirectional(clip))
    networks += (LPIPS("squeeze", str(backbone_file(tmp_path, "squeeze")[0])),)
    for metric in (PSNR(), PSNR("truth"), PSNR(region="background"), SSIM(), LatentDistance()):
        pairs = zip(cases, edits, strict=True)
        single = [number(metric, case, edited) for case, edited in pairs]
        assert repr(metric(cases, edits, NETWORKS)) == repr(single)
    for metric in networks:
        pairs = zip(cases, edits, strict=True)
        single = [number(metric, case, edited, Networks()) for case, edited in pairs]
        found = metric(cases, edits, NETWORKS)
        assert found == pytest.approx(single, abs=1e-5, nan_ok=True)  # float32, in other sums
        assert metric([], [], NETWORKS) == []
