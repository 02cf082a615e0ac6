"""CLIP metrics: true edits score above sources, and numbers equal those of open_clip."""

import math
from typing import Any

import pytest
import torch
from judging import Networks, number

from ids.core.records import EditCase, Edited
from ids.data.shapes import Shapes
from ids.metrics import Clip, ClipDirectional, ClipImage, ClipScore
from ids.shapes import WEIGHTS

EMBEDDED = Clip("shapes", None)
Z = torch.zeros(1, 2, 2)
CASES = [Shapes()[i] for i in range(12)]


def source(case: EditCase) -> Edited:
    return Edited(case.source.load(), Z, Z)


def truth(case: EditCase) -> Edited:
    assert case.truth is not None
    return Edited(case.truth.load(), Z, Z)


def mean(metric: Any, edit: Any, cases: list[EditCase] = CASES) -> float:
    return sum(number(metric, case, edit(case)) for case in cases) / len(cases)


def test_the_true_edit_scores_above_the_source() -> None:
    score, direction = ClipScore(EMBEDDED), ClipDirectional(EMBEDDED)
    assert mean(score, truth) > mean(score, source) + 0.1
    assert mean(direction, truth) > 0.5


def test_an_image_equals_itself_and_has_no_direction() -> None:
    assert mean(ClipImage(EMBEDDED), source) == pytest.approx(1, abs=1e-5)
    assert math.isnan(mean(ClipDirectional(EMBEDDED), source))
    assert mean(ClipImage(EMBEDDED), truth) < 0.99


def test_words_outside_the_embedded_world_have_no_score_by_its_clip() -> None:
    case = EditCase("photo", CASES[0].source, "a photo of a cat", "a photo of a dog")
    for metric in (ClipScore(EMBEDDED), ClipDirectional(EMBEDDED), ClipImage(EMBEDDED)):
        assert math.isnan(number(metric, case, source(CASES[0])))
    assert Clip("ViT-B-32", "openai").understands("a photo of a dog")


def test_numbers_equal_those_of_open_clip_called_directly() -> None:
    import open_clip

    from ids.images import to_pil

    network, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{WEIGHTS / 'clip'}")
    tokenize = open_clip.get_tokenizer(f"local-dir:{WEIGHTS / 'clip'}")
    network = network.float().eval()
    case = CASES[0]
    with torch.no_grad():
        x = preprocess(to_pil(case.source.load())).unsqueeze(0)
        image = network.encode_image(x, normalize=True)
        words = network.encode_text(tokenize([case.prompt_trg]), normalize=True)
    assert number(ClipScore(EMBEDDED), case, source(case)) == pytest.approx(
        float(image @ words.T), abs=1e-6
    )


def test_all_metrics_share_one_network() -> None:
    models = Networks()
    same = Clip("shapes", None)
    assert ClipScore(same).load(models) is ClipImage(EMBEDDED).load(models)
    assert ClipScore(same).weights_id() == ClipImage(EMBEDDED).weights_id()
    assert EMBEDDED.weights_id().startswith("shapes-clip-")
    assert len(models.loaded) == 1


def test_each_feature_is_computed_once() -> None:
    models = Networks()
    clip = EMBEDDED.load(models)
    rows: list[int] = []
    encode = clip.network.model.encode_image

    def counted(x: torch.Tensor, **options: bool) -> torch.Tensor:
        rows.append(len(x))
        return encode(x, **options)

    clip.network.model.encode_image = counted
    cases, edits = CASES[:3], [truth(case) for case in CASES[:3]]
    for metric in (ClipScore(EMBEDDED), ClipImage(EMBEDDED), ClipDirectional(EMBEDDED)):
        metric(cases, edits, models)
    assert rows == [3, 3]  # the edits, then the sources
