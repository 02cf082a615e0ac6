"""The key of a job: what is in it, and what is not."""

from dataclasses import replace

from store_content import CASE, job

from ids.data import Shapes
from ids.run.job import normalize_numbers


def test_labels_are_no_part_of_a_key() -> None:
    """Rows may be inserted, retagged and renamed: their cases stay the same."""
    renamed = replace(CASE, id="other", tags=frozenset({"new"}), metadata={"note": "x"})
    assert job(case=renamed).key == job().key
    assert renamed.digest == CASE.digest
    assert replace(CASE, prompt_trg="a red square").digest != CASE.digest


def test_the_key_ignores_order_and_names_and_nothing_else() -> None:
    base = job(method={"a": 1, "b": 2}, weights="x")
    assert base.key == job(method={"b": 2, "a": 1}, weights="x").key
    others = [
        job(method={"a": 1, "b": 3}, weights="x"),
        job(method={"a": 1, "b": 2}, weights="y"),
        job(seed=1, method={"a": 1, "b": 2}, weights="x"),
        job(method={"a": 1, "b": 2}, case=Shapes(count=2)[1], weights="x"),
    ]
    assert len({base.key, *(other.key for other in others)}) == 5


def test_a_representation_is_in_the_key_and_latents_are_none() -> None:
    base = job().setting
    assert replace(base, representation={}).key == base.key
    scene = replace(base, representation={"name": "nerf", "resolution": "64"})
    assert scene.key != base.key
    assert scene.backbone_key == base.backbone_key  # a source has one latent
    assert replace(job(), setting=scene).record("ok").representation == scene.representation


def test_three_and_three_point_zero_make_one_key() -> None:
    """A user may write either; Hydra hands on what was written."""
    whole, real = ({"g": 3, "list": [1, {"x": 2}]}, {"g": 3.0, "list": [1.0, {"x": 2.0}]})
    assert job(method=normalize_numbers(whole)).key == job(method=normalize_numbers(real)).key
    assert normalize_numbers({"g": 7.5, "flag": True, "name": "3.0"}) == {
        "g": 7.5,
        "flag": True,
        "name": "3.0",
    }
    assert normalize_numbers(True) is True
