"""The metrics of PIE-Bench's released evaluation: what the recordings cannot show."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch
from judging import Networks, backbone_file, number
from PIL import Image as PIL

from ids.core.errors import DataError, WeightsError
from ids.core.protocols import Metric
from ids.core.records import Edited
from ids.core.weight_files import digest_of
from ids.data import Shapes
from ids.data.strips import last_square
from ids.metrics import LPIPS, PieLPIPS, PieMSE, PiePSNR, PieSSIM
from ids.metrics.lpips_network import unit_length
from ids.metrics.pie.lpips import UNITS
from ids.metrics.pie.parts import Part, Stack, factor_of
from ids.metrics.ssim import ssim_map

PARTS: tuple[Part, ...] = get_args(Part)
CASE = Shapes()[0]
Z = torch.zeros(1, 1, 1)
EDITED = Edited((CASE.source.load() * 0.9 + 0.02).clamp(0, 1), Z, Z)


def every() -> list[Metric]:
    found: list[Metric] = []
    for part in PARTS:
        found += [PiePSNR(part), PieMSE(part)]
        for stack in get_args(Stack):
            found += [PieSSIM(part, stack), PieLPIPS(part, stack)]
    return found


def test_no_two_definitions_share_a_name() -> None:
    names = [metric.name for metric in every()]
    assert len(names) == len(set(names)) == 18
    assert len({metric.title for metric in every()}) == 18
    assert {"pie_psnr", "pie_ssim_unedit_part", "pie_lpips_edit_part_current"} <= set(names)


def test_removed_pixels_count_as_equal() -> None:
    factor = factor_of(CASE, EDITED, "unedit_part")
    assert factor is not None
    x, y = CASE.source.load() * factor, EDITED.image * factor
    mse = float((x - y).double().square().mean())
    assert number(PieMSE("unedit_part"), CASE, EDITED) == pytest.approx(mse, rel=1e-5)
    parts = [number(PieMSE(part), CASE, EDITED) for part in PARTS]
    assert parts[0] == pytest.approx(parts[1] + parts[2], rel=1e-5)


def test_versions_of_torchmetrics_scale_short_features_differently() -> None:
    """The recorded features are long: they cannot tell the two apart."""
    f = torch.full((1, 2, 1, 1), 1e-4 / 2**0.5)  # of length 1e-4
    reference, current = (float(UNITS[stack](f).norm()) for stack in ("reference", "current"))
    assert UNITS["reference"] is unit_length
    assert reference == pytest.approx(1e-4 / (1e-4 + 1e-10), rel=1e-5)
    assert current == pytest.approx(1e-4 / (1e-8 + 1e-8) ** 0.5, rel=1e-5)


def test_only_the_current_version_clamps_variances() -> None:
    """In a flat bright area, rounding makes a variance negative."""
    x = torch.full((3, 32, 32), 0.9)
    y = x + 1e-4 * torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(ssim_map(x, y), ssim_map(x, y, clamped=False))
    assert torch.allclose(ssim_map(x, y), ssim_map(x, y, clamped=False), atol=1e-3)


def test_a_file_without_a_hash_in_its_name_is_named_by_its_digest(tmp_path: Path) -> None:
    named, _ = backbone_file(tmp_path, "squeeze")
    file = named.rename(tmp_path / "squeezenet1_1.pth")
    digest = digest_of(file)
    with pytest.raises(WeightsError, match=rf"got .*squeezenet1_1.pth; .*sha256={digest}"):
        PieLPIPS(backbone=str(file)).weights_id()
    metric = PieLPIPS(backbone=str(file), sha256=digest)
    assert metric.weights_id() == f"squeeze-{digest[:8]}"
    assert number(metric, CASE, EDITED, Networks()) > 0
    other = "0" * 64
    with pytest.raises(WeightsError, match=f"to have the digest of sha256, {other}; got {digest}"):
        PieLPIPS(backbone=str(file), sha256=other).weights_id()
    for malformed in ("", "abc", digest.upper(), f"{digest}0"):
        with pytest.raises(ValueError, match="sha256: expected 8 to 64 digits"):
            LPIPS(sha256=malformed)


def test_the_digest_of_a_field_outranks_the_name(tmp_path: Path) -> None:
    file, _ = backbone_file(tmp_path, "squeeze")
    renamed = file.rename(tmp_path / "squeezenet-00000000.pth")
    with pytest.raises(WeightsError, match="hash of its name, 00000000"):
        PieLPIPS(backbone=str(renamed)).weights_id()
    assert PieLPIPS(backbone=str(renamed), sha256=digest_of(renamed)).weights_id()


def test_files_of_the_network_can_be_fetched() -> None:
    (needed,) = PieLPIPS().files()
    assert needed.url.endswith("/squeezenet1_1-b8a52dc0.pth")
    assert needed.sha256 == "b8a52dc0"
    (needed,) = PieLPIPS(backbone="/nowhere/mine.pth", sha256="ab" * 32).files()
    assert (needed.url, needed.sha256) == ("", "ab" * 32)


def test_the_parts_share_one_network_with_lpips(tmp_path: Path) -> None:
    file, _ = backbone_file(tmp_path, "squeeze")
    models = Networks()
    loaded = {id(PieLPIPS(part, backbone=str(file)).load(models)) for part in PARTS}
    loaded.add(id(LPIPS("squeeze", str(file)).load(models)))
    assert len(loaded) == 1
    pie = number(PieLPIPS(backbone=str(file)), CASE, EDITED, models)
    assert pie == pytest.approx(number(LPIPS("squeeze", str(file)), CASE, EDITED, models), rel=1e-6)


def test_the_edit_is_the_last_square_of_a_strip() -> None:
    strip = PIL.new("RGB", (24, 10))
    strip.paste((255, 0, 0), (16, 2, 24, 10))
    edit = last_square(strip, 8)
    assert edit.size == (8, 8)
    assert edit.getcolors() == [(64, (255, 0, 0))]
    square = PIL.new("RGB", (10, 10))
    assert last_square(square, 8) is square
    with pytest.raises(DataError, match=r"strip of squares of 8 pixels; got 24x7"):
        last_square(strip.crop((0, 0, 24, 7)), 8)


def test_images_of_another_size_and_without_a_mask() -> None:
    bare = replace(CASE, mask=None)
    assert number(PieMSE(), bare, EDITED) == number(PieMSE(), CASE, EDITED)
    for part in ("unedit_part", "edit_part"):
        assert repr(number(PiePSNR(part), bare, EDITED)) == "nan"
