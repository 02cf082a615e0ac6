"""Metrics of the whole image, outside the mask and inside it: each counts its pixels alone."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import pytest
import torch
from judging import NETWORKS, Networks, backbone_file, number

from ids.core.protocols import Metric
from ids.core.records import EditCase, Edited
from ids.data import Shapes
from ids.metrics import LPIPS, MSE, PSNR, SSIM
from ids.metrics.comparison import Region
from ids.metrics.ssim import ssim_map

REGIONS: tuple[Region, ...] = get_args(Region)


@dataclass(frozen=True)
class Held:
    image: torch.Tensor

    def digest(self) -> str:
        return "held"

    def load(self) -> torch.Tensor:
        return self.image


def pair(seed: int = 0, height: int = 40, width: int = 48) -> tuple[EditCase, Edited]:
    """A noisy edit of noise, and a mask of a few columns."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(3, height, width, generator=generator)
    y = (x + 0.2 * torch.rand(3, height, width, generator=generator)).clamp(0, 1)
    mask = torch.zeros(3, height, width)
    mask[:, 5:30, 10 : 20 + seed] = 1
    case = replace(Shapes()[0], source=Held(y), mask=Held(mask), truth=Held(1 - y))
    return case, Edited(x, torch.zeros(1, 1, 1), torch.zeros(1, 1, 1))


def inside(case: EditCase, region: Region) -> torch.Tensor:
    assert case.mask is not None
    marked = case.mask.load()[0] > 0
    return {"whole": torch.ones_like(marked), "background": ~marked, "edited": marked}[region]


@pytest.mark.parametrize("region", REGIONS)
def test_the_mean_is_over_the_pixels_of_the_region_alone(region: Region) -> None:
    case, edited = pair()
    x, y, where = edited.image, case.source.load(), inside(case, region)
    mse = float((x - y)[:, where].double().square().mean())
    assert number(MSE(region=region), case, edited) == pytest.approx(mse, rel=1e-6)
    psnr = -10 * math.log10(mse)
    assert number(PSNR(region=region), case, edited) == pytest.approx(psnr, abs=1e-5)
    ssim = float(ssim_map(x, y)[:, where].double().mean())
    assert number(SSIM(region=region), case, edited) == pytest.approx(ssim, abs=1e-6)
    to_truth = float((x - (1 - y))[:, where].double().square().mean())
    assert number(MSE("truth", region), case, edited) == pytest.approx(to_truth, rel=1e-6)


@pytest.mark.parametrize("region", REGIONS)
def test_a_change_outside_the_region_changes_nothing(region: Region) -> None:
    case, edited = pair()
    outside = ~inside(case, region)
    changed = replace(edited, image=torch.where(outside, 1 - edited.image, edited.image))
    for metric in (MSE(region=region), PSNR(region=region)):
        assert number(metric, case, changed) == number(metric, case, edited)


@pytest.mark.parametrize("region", ["background", "edited"])
def test_lpips_of_a_region_is_the_mean_of_the_spatial_map(region: Region, tmp_path: Path) -> None:
    import lpips

    file, direct = backbone_file(tmp_path, "squeeze")
    case, edited = pair()
    spatial = lpips.LPIPS(net="squeeze", pnet_rand=True, verbose=False, spatial=True)
    spatial.load_state_dict(direct.state_dict())
    with torch.no_grad():
        images = (edited.image.unsqueeze(0), case.source.load().unsqueeze(0))
        expected = float(spatial(*images, normalize=True)[0, 0][inside(case, region)].mean())
    found = number(LPIPS("squeeze", str(file), region=region), case, edited, Networks())
    assert found == pytest.approx(expected, rel=1e-5)
    assert found != pytest.approx(number(LPIPS("squeeze", str(file)), case, edited), rel=1e-3)
    assert math.isnan(
        number(LPIPS("squeeze", str(file), region=region), replace(case, mask=None), edited)
    )


def test_the_regions_of_lpips_share_one_network(tmp_path: Path) -> None:
    file, _ = backbone_file(tmp_path, "squeeze")
    models = Networks()
    loaded = [LPIPS("squeeze", str(file), region=region).load(models) for region in REGIONS]
    assert loaded[0] is loaded[1] is loaded[2]


@pytest.mark.parametrize("empty", ["background", "edited"])
def test_a_region_without_pixels_has_no_number(empty: Region) -> None:
    case, edited = pair()
    full = torch.full((3, 40, 48), float(empty == "background"))
    bare = replace(case, mask=Held(full))
    for metric in (PSNR(region=empty), SSIM(region=empty), MSE(region=empty)):
        assert math.isnan(number(metric, bare, edited))
        assert math.isnan(number(metric, replace(case, mask=Held(full[:, 1:])), edited))
    other: Region = "edited" if empty == "background" else "background"
    assert number(MSE(region=other), bare, edited) == number(MSE(), bare, edited)


def test_equal_images_are_infinitely_far_above_their_noise() -> None:
    case, edited = pair()
    same = replace(edited, image=case.source.load())
    assert [number(PSNR(region=region), case, same) for region in REGIONS] == [math.inf] * 3
    assert [number(MSE(region=region), case, same) for region in REGIONS] == [0] * 3
    assert number(SSIM(), case, same) == pytest.approx(1, abs=1e-6)


def test_a_batch_of_two_sizes_with_an_undefined_case_equals_its_parts() -> None:
    pairs = [pair(0), pair(1, 32, 32), pair(2)]
    pairs[1:1] = [(replace(pairs[0][0], mask=None), pairs[0][1])]
    cases, edits = zip(*pairs, strict=True)
    metrics: list[Metric] = [
        kind(region=region) for kind in (MSE, PSNR, SSIM) for region in REGIONS
    ]
    for metric in metrics:
        single = [number(metric, case, edited) for case, edited in pairs]
        assert metric(cases, edits, NETWORKS) == pytest.approx(single, rel=1e-6, nan_ok=True)
        assert metric([], [], NETWORKS) == []


def test_names_and_titles_of_regions() -> None:
    found = {m.name: m.title for r in REGIONS for m in (MSE(region=r), LPIPS(region=r))}
    assert found == {
        "mse": "MSE",
        "mse_background": "MSE bg",
        "mse_edited": "MSE ed",
        "lpips_alex": "LPIPS alex",
        "lpips_alex_background": "LPIPS alex bg",
        "lpips_alex_edited": "LPIPS alex ed",
    }
    assert PSNR("truth", "edited").name == "psnr_edited_truth"
