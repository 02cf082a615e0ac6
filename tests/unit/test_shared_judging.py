"""What judging computes once: SSIM per pair of images, its moments per source, CLIP per image."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ids.core.records import EditCase, Edited
from ids.data import Shapes
from ids.metrics import feature_cache, ssim
from ids.metrics.feature_cache import FeatureCache, TensorCache
from ids.metrics.ssim import SSIM, ssim_map
from ids.run.in_memory import with_images
from ids.run.session import LoadedModels

MODELS = LoadedModels(torch.device("cpu"))


def edits_of(case: EditCase, count: int) -> list[Edited]:
    rng = torch.Generator().manual_seed(1)
    shape = case.source.load().shape
    return [Edited(torch.rand(shape, generator=rng), Tensor(), Tensor()) for _ in range(count)]


def test_regions_share_the_map_and_edits_the_moments_of_their_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = with_images(Shapes(size=32)[0])
    edits, blurs = edits_of(case, 3), []
    original = ssim._blurred

    def counted(planes: Tensor) -> Tensor:
        blurs.append(planes)
        return original(planes)

    monkeypatch.setattr(ssim, "_blurred", counted)
    metrics = [SSIM(), SSIM(region="background"), SSIM(region="edited")]
    models = replace(MODELS, _models={})
    found = [metric([case] * 3, edits, models) for metric in metrics]
    assert len(blurs) == 3 * (2 + 3 * 3)  # planes: the source's two, then three of each edit
    assert case.mask is not None
    for edit, whole, inside, outside in zip(edits, found[0], found[2], found[1], strict=True):
        values = ssim_map(edit.image, case.source.load()).mean(0)
        marked = case.mask.load()[0] >= 0.5
        assert whole == pytest.approx(float(values.mean()), abs=1e-6)
        assert inside == pytest.approx(float(values[marked].mean()), abs=1e-6)
        assert outside == pytest.approx(float(values[~marked].mean()), abs=1e-6)


def test_an_image_is_hashed_once_for_all_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Tensor] = []
    original = feature_cache.image_digest

    def counted(image: Tensor) -> str:
        hashed.append(image)
        return original(image)

    monkeypatch.setattr(feature_cache, "image_digest", counted)
    cache, image = FeatureCache(4), torch.rand(3, 8, 8)
    digests = [cache.digest(image) for _ in range(5)] + [cache.digest(image.clone())]
    assert len(set(digests)) == 1
    assert len(hashed) == 2


def test_an_image_that_was_changed_in_place_is_another() -> None:
    """Its numbers were those of the earlier pixels."""
    case = with_images(Shapes(size=32)[0])
    (edit,), models, cache = edits_of(case, 1), replace(MODELS, _models={}), FeatureCache(4)
    before = SSIM()([case], [edit], models), cache.digest(edit.image)
    edit.image.copy_(case.source.load())
    assert SSIM()([case], [edit], models) == [1.0]
    assert before[0] < [0.5]
    assert cache.digest(edit.image) == cache.digest(case.source.load()) != before[1]


def test_images_of_inference_mode_are_read_again() -> None:
    """torch does not count their changes."""
    with torch.inference_mode():
        x, cache = torch.ones(3, 8, 8), FeatureCache(4)
        first = cache.digest(x)
        assert cache.digest(x.mul_(0.5)) != first
        assert TensorCache(2)((x,), lambda: "value") == "value"


def test_what_is_used_again_stays() -> None:
    """A source among many edits."""
    cache, encoded = FeatureCache(2), []

    def encode(items: Sequence[str]) -> Tensor:
        encoded.extend(items)
        return torch.zeros(len(items), 1)

    for edit in ("a", "b", "c", "d"):
        cache([edit, "source"], [edit, "source"], lambda items: encode(items))
    assert encoded == ["a", "source", "b", "c", "d"]


def test_tensors_are_equal_only_if_they_are_the_same() -> None:
    cache, x = TensorCache(1), torch.ones(2)
    assert cache((x,), lambda: "x") == cache((x,), lambda: "again") == "x"
    assert cache((x.clone(),), lambda: "clone") == "clone"
    assert cache((x,), lambda: "forgotten") == "forgotten"
