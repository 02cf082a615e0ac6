"""IoU of object masks, its segmenter, and the CLIP score of the edited region."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from conftest import GOLDEN_METRICS
from judging import Held, Networks, number
from tiny_clipseg import MEAN, STD, write_tiny_clipseg
from torch import Tensor
from torch.nn import functional as F

from ids.core.errors import WeightsError
from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.data.shapes import Shapes
from ids.metrics import Clip, ClipScore, ClipSeg, IoU
from ids.metrics.clip_score import square_around
from ids.metrics.segmenter import ObjectMask, Segmenter, object_name

Z = torch.zeros(1, 2, 2)


def marked(height: int, width: int, rows: slice, columns: slice) -> Tensor:
    mask = torch.zeros(3, height, width)
    mask[:, rows, columns] = 1
    return mask


def case(mask: Tensor | None, words: tuple[str, str] | None = None) -> EditCase:
    image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    drawn = None if mask is None else Held(mask)
    return EditCase("a", Held(image), "a cat", "a dog", mask=drawn, blend_words=words)


@dataclass(frozen=True)
class Precomputed:
    """A segmenter of another kind: masks by case."""

    masks: tuple[ObjectMask | None, ...]

    def weights_id(self) -> str:
        return "masks"

    def files(self) -> list[NeededFile]:
        return []

    def load(self, models: Models) -> "Precomputed":
        return self

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited]
    ) -> Sequence[ObjectMask | None]:
        return self.masks[: len(cases)]


def test_it_is_intersection_over_union() -> None:
    found = marked(8, 8, slice(0, 4), slice(2, 6))[0] > 0
    metric = IoU(Precomputed((found,)))
    assert isinstance(metric.segmenter, Segmenter)
    edited = Edited(torch.zeros(3, 8, 8), Z, Z)
    assert number(metric, case(marked(8, 8, slice(0, 4), slice(0, 4))), edited) == 8 / 24
    assert number(metric, case(marked(8, 8, slice(0, 4), slice(2, 6))), edited) == 1
    assert number(metric, case(marked(8, 8, slice(5, 8), slice(0, 8))), edited) == 0


def test_it_is_undefined_without_a_mask_or_an_object() -> None:
    edited = Edited(torch.zeros(3, 8, 8), Z, Z)
    whole = torch.ones(8, 8, dtype=torch.bool)
    for mask in (None, torch.zeros(3, 8, 8), torch.ones(3, 4, 4)):
        assert math.isnan(number(IoU(Precomputed((whole,))), case(mask), edited))
    assert math.isnan(number(IoU(Precomputed((None,))), case(torch.ones(3, 8, 8)), edited))


@pytest.mark.parametrize(
    ("words", "name"), [(None, "a dog"), (("cat", "dog"), "dog"), (("cat", " "), "a dog")]
)
def test_the_object_is_the_blend_word_or_the_prompt(
    words: tuple[str, str] | None, name: str
) -> None:
    assert object_name(case(None, words)) == name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("clipseg")
    write_tiny_clipseg(place)
    return place


PHOTOS = [
    EditCase(f"{n}", image, "a cat", prompt, mask=Held(torch.ones(3, 64, 64)))
    for n, image in enumerate(Shapes()[n].source for n in range(2))
    for prompt in ("a dog", "a horse on a wooden floor", "a dog " * 100)
]
EDITS = [Edited(photo.source.load(), Z, Z) for photo in PHOTOS]


def test_clipseg_is_that_of_transformers(folder: Path) -> None:
    from transformers import CLIPSegForImageSegmentation, CLIPTokenizer

    network = CLIPSegForImageSegmentation.from_pretrained(folder).eval()
    tokens = CLIPTokenizer.from_pretrained(folder)([PHOTOS[0].prompt_trg], return_tensors="pt")
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
    pixels = (EDITS[0].image - mean) / std  # 64 pixels: nothing is resized
    with torch.no_grad():
        probabilities = network(pixel_values=pixels[None], **tokens).logits.sigmoid().view(64, 64)
    for threshold in (0.2, 0.5, 0.8):
        (found,) = ClipSeg(str(folder), threshold).load(Networks())(PHOTOS[:1], EDITS[:1])
        assert found is not None
        assert torch.equal(found, probabilities > threshold)


def test_clipseg_runs_in_batches_at_the_size_of_the_edit(folder: Path) -> None:
    metric, models = IoU(ClipSeg(str(folder), 0.4)), Networks()
    single = [number(metric, *pair, models) for pair in zip(PHOTOS, EDITS, strict=True)]
    assert metric(PHOTOS, EDITS, models) == pytest.approx(single, abs=0.01)
    words = [photo.prompt_trg for photo in PHOTOS]
    found = metric.load(models).network.probabilities([edit.image for edit in EDITS], words)
    assert not torch.allclose(found[0], found[1], atol=1e-3)  # other words
    assert not torch.allclose(found[0], found[3], atol=1e-3)  # another image
    large = F.interpolate(EDITS[0].image[None], (96, 128))[0]
    (mask,) = metric.load(models)(PHOTOS[:1], [replace(EDITS[0], image=large)])
    assert mask is not None
    assert mask.shape == (96, 128)
    assert IoU(ClipSeg(str(folder), 0.6)).load(models).network is metric.load(models).network
    assert len(models.loaded) == 1
    assert metric([], [], models) == []


def test_clipseg_is_identified_by_weights_and_threshold(folder: Path) -> None:
    ids = {ClipSeg(str(folder), threshold).weights_id() for threshold in (0.4, 0.5)}
    assert len(ids) == 2
    assert all(file.found for file in ClipSeg(str(folder)).files())
    with pytest.raises(ValueError, match="between 0 and 1; got 1"):
        ClipSeg(str(folder), 1.0)
    with pytest.raises(WeightsError, match=r"metrics\.iou\.segmenter\.path: .* a clipseg model"):
        ClipSeg(str(GOLDEN_METRICS / "weights" / "clip_hf")).load(Networks())


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        ((10, 14), (20, 24), (10, 14, 20, 24)),  # a square
        ((10, 12), (20, 24), (9, 13, 20, 24)),  # its shorter side grows on both sides
        ((0, 2), (20, 28), (0, 8, 20, 28)),  # moved inside the image
        ((30, 32), (56, 64), (24, 32, 56, 64)),
        ((10, 12), (0, 64), (0, 32, 0, 64)),  # longer than the image is high
    ],
)
def test_the_square_around_a_mask(
    rows: tuple[int, int], columns: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    image = torch.arange(32 * 64).view(1, 32, 64).expand(3, -1, -1).float()
    mask = marked(32, 64, slice(*rows), slice(*columns))[0] > 0
    top, bottom, left, right = expected
    assert torch.equal(square_around(image, mask), image[:, top:bottom, left:right])


def test_the_clip_score_of_the_edited_region_sees_that_region_alone() -> None:
    shape = Shapes()[0]
    drawn = Held(marked(64, 64, slice(10, 40), slice(20, 50)))
    photo = replace(shape, mask=drawn)
    metric = ClipScore(Clip("shapes", None), region="edited")
    image = shape.source.load()
    outside = image.clone()
    outside[:, 45:] = 0.5
    inside = image.clone()
    inside[:, 20:30, 20:50] = 0.5
    first = number(metric, photo, Edited(image, Z, Z))
    assert number(metric, photo, Edited(outside, Z, Z)) == first
    assert number(metric, photo, Edited(inside, Z, Z)) != pytest.approx(first, abs=1e-4)
    crop = Edited(image[:, 10:40, 20:50], Z, Z)
    assert first == pytest.approx(number(ClipScore(Clip("shapes", None)), photo, crop), abs=1e-6)
    assert math.isnan(number(metric, replace(shape, mask=None), Edited(image, Z, Z)))
    assert (metric.name, metric.title) == ("clip_score_edited", "CLIP ed")
