"""The comparison with released evaluation code can fail: every quirk of that code, undone, fails in
exactly the numbers that it concerns.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from metric_replay import folder as folder_module
from metric_replay.folder import Stack, open_folder
from metric_replay.pixels import input_lines
from PIL import Image as PIL
from recorded_metrics import (
    GOLDEN,
    NORMAL,
    STRIP,
    TINY,
    WHOLE,
    Recorded,
    failed,
    of,
    open_recorded,
)

from ids.core.records import EditCase, Edited
from ids.data import pie, run_lengths
from ids.metrics import MSE, SSIM
from ids.metrics.pie import lpips as pie_lpips
from ids.metrics.pie import mse as pie_mse
from ids.metrics.pie import parts
from ids.metrics.pie import psnr as pie_psnr
from ids.metrics.pie import ssim as pie_ssim

Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorded]:
    with open_recorded() as found:
        yield found


def _no_border(patch: Patch) -> None:
    def decoded(runs: list[int]) -> np.ndarray:
        marked = np.zeros(run_lengths.SIDE**2, dtype=bool)
        for start, length in zip(runs[::2], runs[1::2], strict=True):
            marked[start : start + length] = True
        return marked.reshape(run_lengths.SIDE, -1)

    patch.setattr(run_lengths, "decode_runs", decoded)


def _brackets_kept(patch: Patch) -> None:
    patch.setattr(pie, "prompt_of", lambda text, where: text)


def _first_square(patch: Patch) -> None:
    def first(image: PIL.Image) -> PIL.Image:
        return image.crop((0, 0, image.height, image.height))

    patch.setattr(folder_module, "last_square", first)


@pytest.mark.parametrize(
    ("perturb", "expected"),
    [
        (
            _no_border,
            of("mask_sha256_uint8 mask_sum", NORMAL, STRIP, TINY)
            | of("clip_masked_target_sha256", NORMAL, STRIP, TINY),
        ),
        (_brackets_kept, of("prompts", NORMAL, STRIP, WHOLE, TINY)),
        (_first_square, of("target_sha256 clip_masked_target_sha256", STRIP)),
    ],
)
def test_another_reading_of_the_inputs_fails(
    perturb: Callable[[Patch], None], expected: set[str], monkeypatch: Patch
) -> None:
    perturb(monkeypatch)
    with open_folder(GOLDEN) as folder:
        assert failed(line for pair in folder.pairs for line in input_lines(pair)) == expected


def _kept_pixels_only(patch: Patch) -> None:
    """The mean over the pixels of the part."""
    patch.setattr(
        pie_mse.PieMSE,
        "__call__",
        lambda self, *batch: MSE(region=parts.REGIONS[self.part])(*batch),
    )


def _finite_psnr(patch: Patch) -> None:
    original = pie_psnr.decibels
    patch.setattr(pie_psnr, "decibels", lambda mse: original(mse) if mse else math.nan)


def _black_for_nothing(patch: Patch) -> None:
    """A part without pixels is a black image, not undefined."""
    original = parts.factor_of

    def factor_of(case: EditCase, edited: Edited, part: parts.Part) -> torch.Tensor:
        found = original(case, edited, part)
        return torch.zeros(1, *edited.image.shape[1:]) if found is None else found

    patch.setattr(parts, "factor_of", factor_of)


def _kept_ssim_only(patch: Patch) -> None:
    """Both images whole, the mean of the map over the part."""
    patch.setattr(
        pie_ssim.PieSSIM,
        "__call__",
        lambda self, *batch: SSIM(region=parts.REGIONS[self.part])(*batch),
    )


def _no_crop(patch: Patch) -> None:
    patch.setattr(pie_ssim, "_cropped", pie_ssim._whole)


def _crop(patch: Patch) -> None:
    patch.setattr(pie_ssim, "_whole", pie_ssim._cropped)


def _mask_after_scaling(patch: Patch) -> None:
    """Removed pixels are 0 of [-1, 1], which is 0.5 of [0, 1]."""
    original = parts.parts_of

    def parts_of(
        cases: list[EditCase], edits: list[Edited], part: parts.Part
    ) -> list[tuple[torch.Tensor, torch.Tensor] | None]:
        found = []
        for case, edited, pair in zip(cases, edits, original(cases, edits, part), strict=True):
            factor = parts.factor_of(case, edited, part)
            grey = 0 if factor is None else 0.5 * (1 - factor)
            found.append(pair and (pair[0] + grey, pair[1] + grey))
        return found

    patch.setattr(parts, "parts_of", parts_of)


def _unit_range(patch: Patch) -> None:
    """LPIPS of images in [0, 1]."""
    original = pie_lpips.layer_maps
    patch.setattr(
        pie_lpips,
        "layer_maps",
        lambda network, x, y, unit: original(network, (x + 1) / 2, (y + 1) / 2, unit),
    )


SOME = (NORMAL, STRIP)


@pytest.mark.parametrize(
    ("perturb", "metric", "stack", "expected"),
    [
        (
            _kept_pixels_only,
            "mse",
            "reference",
            of("mse_unedit_part", *SOME) | of("mse_edit_part", *SOME, TINY),
        ),
        (
            _kept_pixels_only,
            "psnr",
            "reference",
            of("psnr_unedit_part", *SOME) | of("psnr_edit_part", *SOME, TINY),
        ),
        (_finite_psnr, "psnr", "reference", of("psnr_unedit_part", TINY)),
        (_black_for_nothing, "psnr", "current", of("psnr_unedit_part", WHOLE)),
        (_black_for_nothing, "ssim", "current", of("ssim_unedit_part", WHOLE)),
        (
            _no_crop,
            "ssim",
            "reference",
            of("ssim", NORMAL, WHOLE) | of("ssim_edit_part", *SOME, WHOLE),
        ),
        (
            _crop,
            "ssim",
            "current",
            of("ssim", NORMAL, WHOLE) | of("ssim_edit_part", *SOME, WHOLE),
        ),
        (
            _kept_ssim_only,
            "ssim",
            "current",
            of("ssim_unedit_part ssim_edit_part", *SOME) | of("ssim_edit_part", TINY),
        ),
    ],
)
def test_a_quirk_undone_fails_in_the_numbers_that_it_concerns(
    perturb: Callable[[Patch], None],
    metric: str,
    stack: Stack,
    expected: set[str],
    recorded: Recorded,
    monkeypatch: Patch,
) -> None:
    perturb(monkeypatch)
    assert failed(recorded.lines(stack, metric)) == expected


@pytest.mark.parametrize(
    ("perturb", "expected"),
    [
        (_mask_after_scaling, of("lpips_unedit_part lpips_edit_part", NORMAL)),
        (_unit_range, of("lpips lpips_unedit_part lpips_edit_part", NORMAL)),
    ],
)
def test_another_scaling_of_lpips_fails(
    perturb: Callable[[Patch], None], expected: set[str], recorded: Recorded, monkeypatch: Patch
) -> None:
    perturb(monkeypatch)
    assert failed(recorded.lines("reference", "lpips", NORMAL)) == expected
