"""CLIP and DINO numbers against those of released evaluation code, and proof that the comparison
can fail: every quirk of that code, undone, fails in the numbers that it concerns.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from metric_replay.clip import (
    SCORE,
    long_prompt_lines,
    similarities,
    similarity_lines,
    table_lines,
    table_metrics,
)
from metric_replay.folder import STACKS, Folder, open_folder
from metric_replay.lines import Line, number_line
from metric_replay.structure import distance_lines, inner_lines
from torch.nn import functional as F
from transformers.activations import QuickGELUActivation

from ids.metrics import PieStructureDistance
from ids.metrics.clip_pixels import ImageInput, Pixels, Unfiltered, torch_bicubic
from ids.metrics.clip_source import cut_with_end
from ids.metrics.dino import DinoInput, LoadedDino
from ids.metrics.feature_cache import AnyImage
from ids.metrics.pie import clip_similarity
from ids.metrics.pie.parts import Stack
from ids.run.session import LoadedModels

GOLDEN = Path(__file__).parents[1] / "golden_metrics"
NORMAL, NEGATIVE = "100000000000", "600000000002"
TABLE = {
    "clip_similarity_source_image",
    "clip_similarity_target_image",
    "clip_similarity_target_image_edit_part",
}
DISTANCES = {f"structure_distance{part}" for part in ("", "_unedit_part", "_edit_part")}
NEARLY_EQUAL = {"structure_distance_unedit_part"}  # parts of source and edit, in this pair
Patch = pytest.MonkeyPatch
MODELS = LoadedModels(torch.device("cpu"))


@pytest.fixture(scope="module")
def recorded() -> Iterator[Folder]:
    with open_folder(GOLDEN) as folder:
        yield folder


@pytest.fixture
def normal(recorded: Folder) -> Iterator[Folder]:
    yield only(recorded, NORMAL)
    for network in MODELS._models.values():  # features of a perturbed test
        network._remembered._known.clear()


def only(folder: Folder, name: str) -> Folder:
    return replace(folder, pairs=[pair for pair in folder.pairs if pair.id == name])


def failed(lines: Iterable[Line]) -> set[str]:
    return {line.name.rpartition("/")[2] for line in lines if line.status == "FAIL"}


@pytest.mark.parametrize("stack", STACKS)
def test_clip_scores_tokens_and_features_are_reproduced(recorded: Folder, stack: Stack) -> None:
    lines = list(table_lines(recorded, stack, MODELS))
    assert failed(lines) == set()
    assert len(lines) == 4 * (3 + 3 + 2 + 2) + 3  # scores, features, tokens; input of one pair


@pytest.mark.parametrize(("name", "pixels"), [("unit_range", "unit"), ("minus_one_to_one",) * 2])
def test_similarities_of_instruct_pix2pix_are_reproduced(
    recorded: Folder, name: str, pixels: str
) -> None:
    metrics = similarities(recorded, pixels)
    lines = list(similarity_lines(recorded, "reference", name, metrics, MODELS))
    assert failed(lines) == set()
    assert len(lines) == 4 * 4 + (4 * 5 + 1 if pixels == "unit" else 0)


def test_a_prompt_over_the_context_is_reproduced(normal: Folder) -> None:
    lines = list(long_prompt_lines(normal, MODELS))
    assert failed(lines) == set()
    assert len(lines) == 4 + 2 + 1


@pytest.mark.parametrize("stack", STACKS)
def test_structure_distances_keys_and_self_similarities_are_reproduced(
    recorded: Folder, stack: Stack
) -> None:
    distances = list(distance_lines(recorded, stack, MODELS))
    inner = list(inner_lines(recorded, stack, MODELS))
    assert failed([*distances, *inner]) == set()
    assert (len(distances), len(inner)) == (4 * 3, 7)


def _other_antialias(patch: Patch) -> None:
    other = property(lambda self: DinoInput(levels=True, antialias=self.stack == "reference"))
    patch.setattr(PieStructureDistance, "to_pixels", other)


def _unit_input(patch: Patch) -> None:
    other = property(lambda self: DinoInput(levels=False, antialias=self.stack == "current"))
    patch.setattr(PieStructureDistance, "to_pixels", other)


def _no_class_token(patch: Patch) -> None:
    original = LoadedDino.keys
    patch.setattr(LoadedDino, "keys", lambda self, pixels: original(self, pixels)[:, 1:])


@pytest.mark.parametrize(
    ("perturb", "expected"),
    [
        (_other_antialias, DISTANCES - NEARLY_EQUAL),
        (_unit_input, DISTANCES),
        (_no_class_token, DISTANCES - NEARLY_EQUAL),
    ],
)
def test_another_structure_distance_fails(
    perturb: Callable[[Patch], None], expected: set[str], normal: Folder, monkeypatch: Patch
) -> None:
    perturb(monkeypatch)
    assert failed(distance_lines(normal, "reference", MODELS)) == expected


def _torch_resize(patch: Patch) -> None:
    patch.setitem(clip_similarity.TO_PIXELS, "reference", torch_bicubic)


def _exact_gelu(patch: Patch) -> None:
    patch.setattr(QuickGELUActivation, "forward", lambda self, x: F.gelu(x))


@pytest.mark.parametrize(
    ("perturb", "expected"),
    [
        (_torch_resize, TABLE - {"clip_similarity_target_image_edit_part"}),  # mostly black there
        (_exact_gelu, TABLE),
    ],
)
def test_another_clip_score_fails(
    perturb: Callable[[Patch], None], expected: set[str], normal: Folder, monkeypatch: Patch
) -> None:
    perturb(monkeypatch)
    assert failed(table_lines(normal, "reference", MODELS)) & TABLE == expected


@pytest.mark.parametrize("late", [False, True])
def test_a_mask_after_resizing_fails(normal: Folder, monkeypatch: Patch, late: bool) -> None:
    """The whole edit is resized, and multiplied by the resized mask."""
    (pair,), column = normal.pairs, "clip_similarity_target_image_edit_part"
    assert pair.case.mask is not None
    mask = pair.case.mask.load()
    pillow = clip_similarity.TO_PIXELS["reference"]

    def to_pixels(to: ImageInput, image: AnyImage) -> Pixels:
        resized = F.interpolate(mask[None, :1], (to.side, to.side), mode="area")[0]
        black = to.normalize(torch.zeros(3, to.side, to.side))
        return black + (pillow(to, image) - black) * resized

    if late:
        monkeypatch.setattr(clip_similarity, "factor_of", lambda *_: torch.ones(1, 1, 1))
        monkeypatch.setitem(clip_similarity.TO_PIXELS, "reference", to_pixels)
    metric = table_metrics(normal, "reference")[column]
    (value,) = metric(normal.cases, normal.edits, MODELS)
    line = number_line(column, value, pair.recorded["reference"][column], SCORE)
    assert line.status == ("FAIL" if late else "ok")


def test_scores_without_the_floor_fail(recorded: Folder, monkeypatch: Patch) -> None:
    monkeypatch.setattr(clip_similarity, "percent", lambda cosines: 100 * cosines)
    negative = only(recorded, NEGATIVE)
    assert failed(table_lines(negative, "reference", MODELS)) == TABLE


def test_the_end_token_of_a_long_prompt_fails(normal: Folder, monkeypatch: Patch) -> None:
    monkeypatch.setattr(clip_similarity, "cut_without_end", cut_with_end)
    assert failed(long_prompt_lines(normal, MODELS)) == {"table_clip_source_image"}


def test_the_other_range_fails(normal: Folder, monkeypatch: Patch) -> None:
    original = Unfiltered.__call__
    other = {"unit": "minus_one_to_one", "minus_one_to_one": "unit"}

    def swapped(self: Unfiltered, to: ImageInput, image: AnyImage) -> Pixels:
        return original(Unfiltered(other[self.range]), to, image)  # type: ignore[arg-type]

    monkeypatch.setattr(Unfiltered, "__call__", swapped)
    wanted = {f"sim_{name}" for name in ("image", "direction", "0", "1")}
    for name, pixels in (("unit_range", "unit"), ("minus_one_to_one", "minus_one_to_one")):
        metrics = similarities(normal, pixels)
        assert failed(similarity_lines(normal, "reference", name, metrics, MODELS)) >= wanted
