"""Success and feature distance: the metrics that the embedded classifier computes."""

import pytest
import torch
from judging import NETWORKS, number

from ids.core.records import EditCase, Edited
from ids.data.shapes import Shapes
from ids.metrics import FeatureDistance, Success


def shown(case: EditCase, which: str) -> Edited:
    image = case.source if which == "source" else case.truth
    assert image is not None
    z = torch.zeros(1, 2, 2)
    return Edited(image.load(), z, z)


def test_success_reads_the_changed_attribute() -> None:
    for case in (Shapes()[i] for i in range(12)):
        assert number(Success(), case, shown(case, "truth")) == 1
        assert number(Success(), case, shown(case, "source")) == 0
        assert number(Success("source"), case, shown(case, "source")) == 1
    assert (Success().name, Success("source").name) == ("success", "restored")


def test_success_reads_captions_in_any_case_with_a_full_stop() -> None:
    """An attribute that only the target names has changed; case and full stop play no part."""
    red = next(case for case in (Shapes()[i] for i in range(24)) if " plain " in case.prompt_src)
    shape = red.prompt_src.split()[-1]
    added = EditCase("added", red.source, f"a {shape}", f"A plain {shape}.")
    wrong = EditCase("wrong", red.source, f"a {shape}", f"a striped {shape}")
    assert number(Success(), added, shown(red, "source")) == 1
    assert number(Success(), wrong, shown(red, "source")) == 0


def test_judges_of_the_embedded_world_are_undefined_for_another() -> None:
    case = EditCase("photo", Shapes()[0].source, "a photo of a cat", "a photo of a dog")
    same = EditCase("same", Shapes()[0].source, "a red circle", "a red circle")
    edited = shown(Shapes()[0], "truth")
    assert (
        torch.tensor([number(Success(), case, edited), number(FeatureDistance(), case, edited)])
        .isnan()
        .all()
    )
    assert torch.tensor(number(Success(), same, edited)).isnan()


def test_feature_distance_is_lpips_formula_on_other_features() -> None:
    import lpips

    from ids.shapes.judge import JUDGE

    case = Shapes()[0]
    edited = shown(case, "truth")
    with torch.no_grad():
        maps = [
            JUDGE.load(NETWORKS).features(x.unsqueeze(0))
            for x in (edited.image, case.source.load())
        ]
        units = [[lpips.normalize_tensor(f) for f in layers] for layers in maps]
        expected = sum(
            float(lpips.spatial_average((a - b).square().sum(1, keepdim=True)))
            for a, b in zip(*units, strict=True)
        )
    assert number(FeatureDistance(), case, edited) == pytest.approx(expected, rel=1e-5)
    assert number(FeatureDistance(), case, shown(case, "source")) == 0
    assert number(FeatureDistance("truth"), case, edited) == 0
