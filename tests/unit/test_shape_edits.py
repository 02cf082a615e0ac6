"""The edits of the embedded world: kinds and wordings, beside cases that must stay as they are."""

import pytest
import torch

from ids.core.records import Edited
from ids.data.shapes import Shapes
from ids.metrics import SaturatedObject
from ids.shapes.caption import parse_caption
from ids.shapes.edits import CHANGED, KINDS, Kind, Wording
from ids.shapes.render import object_cover

WORDINGS: tuple[Wording, ...] = ("exact", "paraphrased", "vague", "wrong")
ATTRIBUTES: tuple[Kind, ...] = ("colour", "shape", "both")


def test_earlier_cases_have_their_digests() -> None:
    """Results are named by them."""
    cases = Shapes("test", 2, ("colour", "shape"))
    assert [(case.id, case.digest) for case in cases] == [
        ("test-0000-colour", "6e8fde0386cff8d94cb18cb6ac8df8db"),
        ("test-0001-shape", "f3008b4bb4f45569298bfe99bd2fc88a"),
    ]
    assert cases.name == "shapes-test-v1"


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_changes_what_is_inside_its_mask(kind: Kind) -> None:
    for case in Shapes("dev", 4, (kind,)):
        assert case.truth is not None
        assert case.mask is not None
        changed = (case.source.load() - case.truth.load()).abs().amax(0) > 0
        inside = case.mask.load()[0] == 1
        assert changed.any()
        assert not (changed & ~inside).any()
        assert inside.any()
        assert not inside.all()
        assert case.tags == {kind}
        assert case.prompt_src != case.prompt_trg


def test_added_and_removed_objects_are_there_and_not_there() -> None:
    added, removed = Shapes("dev", 2, ("add", "remove"))
    for empty, full in ((added.source, added.truth), (removed.truth, removed.source)):
        assert object_cover([empty.scene]).amax() == 0  # type: ignore[union-attr]
        assert object_cover([full.scene]).amax() == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_wordings_change_the_source_prompt_alone(kind: Kind) -> None:
    sets = {wording: Shapes("dev", 12, (kind,), wording=wording) for wording in WORDINGS}
    assert len({one.name for one in sets.values()}) == 4
    for exact, paraphrased, vague, wrong in zip(*sets.values(), strict=True):
        others = (paraphrased, vague, wrong)
        assert all(one.source_digest == exact.source_digest for one in others)
        assert all(one.prompt_trg == exact.prompt_trg for one in others)
        assert len({one.prompt_src for one in (exact, *others)}) == 4
        source, target = parse_caption(exact.prompt_src), parse_caption(exact.prompt_trg)
        assert parse_caption(paraphrased.prompt_src) == source
        assert parse_caption(vague.prompt_src) == {
            a: value for a, value in source.items() if a not in CHANGED[kind]
        }
        read = parse_caption(wrong.prompt_src)
        assert {a for a in source if read[a] != source[a]} == set(CHANGED[kind])
        assert all(read[a] != target[a] for a in CHANGED[kind])


def test_names_keep_other_edits_apart() -> None:
    assert Shapes("dev", 1, ("both",)).name == "shapes-dev-v1-kinds"
    assert Shapes("dev", 1, ("colour",), wording="vague").name == "shapes-dev-v1-vague"


def test_kinds_without_a_wording_are_refused() -> None:
    with pytest.raises(ValueError, match=r"dataset\.edits: expected some of colour, shape, both; "):
        Shapes("dev", 1, ("fill",), wording="wrong")
    with pytest.raises(ValueError, match=r"dataset\.edits: expected some of fill, colour, shape"):
        Shapes("dev", 1, ("add",), wording="vague")


def test_the_saturated_object_is_the_object() -> None:
    cases = [*Shapes("dev", 24)]
    images = [case.source.load() for case in cases]
    latent = torch.zeros(1, 2, 2)
    segmenter = SaturatedObject()
    found = segmenter(cases, [Edited(image, latent, latent) for image in images])
    covers = object_cover([case.source.scene for case in cases]) > 0.5  # type: ignore[attr-defined]
    for mask, cover in zip(found, covers, strict=True):
        assert mask is not None
        assert (mask & cover).sum() / (mask | cover).sum() > 0.8
    (empty,) = Shapes("dev", 1, ("add",))
    (nothing,) = segmenter([empty], [Edited(empty.source.load(), latent, latent)])
    assert nothing is not None
    assert not nothing.any()
    with pytest.raises(ValueError, match="threshold: expected a difference between 0 and 1"):
        SaturatedObject(1.0)
