"""Source halves ahead of the loop, and shared: the same edit, for fewer evaluations."""

from dataclasses import dataclass, field, replace
from functools import partial

import pytest
import torch
from anchor_edits import IMAGES, DoubleWorld, edited, editor, targets
from hypothesis import given, settings
from hypothesis import strategies as st
from pixels import PixelSpace
from torch import Tensor

from ids.backbones import StableDiffusion
from ids.core.edit import Representation, inline
from ids.core.records import Anchor, Draw
from ids.data import Shapes
from ids.editing import ThereAndBack
from ids.editing.ahead import Ahead
from ids.methods import DDS, FPR, PDS, SDS, DreamCatalyst, NoRefinement, PatchNCE, PolyakFPR, Sum
from ids.representations import LatentSpace
from ids.run.anchor_cache import MemoryCache

RULES = [DDS(), PDS(), SDS("sds"), DreamCatalyst()]
RULES += [Sum({"a": DDS(), "b": DreamCatalyst()}, {"a": 1.0, "b": 0.5})]
REFINERS = [NoRefinement(), FPR(2, 0.1), PolyakFPR(1, 0.1)]
CDS = Sum({"dds": DDS(), "cut": PatchNCE()}, {"dds": 0.48828125, "cut": 3.0})


ROWS = st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 1), st.integers(0, 2))


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(ROWS, min_size=1, max_size=5),
    rule=st.sampled_from(RULES),
    fpr=st.sampled_from(REFINERS),
    n_steps=st.integers(1, 6),
    ahead=st.integers(1, 9),
    cached=st.booleans(),
    representation=st.sampled_from([LatentSpace(), PixelSpace()]),
)
def test_it_is_the_edit_of_the_plain_loop(
    rows: list[tuple[int, int, int, int]],
    rule: object,
    fpr: object,
    n_steps: int,
    ahead: int,
    cached: bool,
    representation: Representation,
) -> None:
    """Whatever rows share: images, seeds, source and target prompts. Draws are equal bit by bit,
    the rest to rounding in float64; a second edit from the cache is the same once more.
    """
    cases = [
        replace(IMAGES[i], prompt_src=f"source {source}", prompt_trg=f"target {target}")
        for i, _, source, target in rows
    ]
    edit, seeds = editor(rule, fpr, n_steps), [seed for _, seed, _, _ in rows]
    how = partial(
        edited, edit, cases, backbone=DoubleWorld(), seeds=seeds, representation=representation
    )
    plain, curves, _ = how()
    anchors = Ahead(ahead, MemoryCache(10**9) if cached else None)
    for _ in range(1 + cached):
        found, others, _ = how(anchors)
        torch.testing.assert_close(found, plain, atol=1e-12, rtol=1e-12)
        assert torch.equal(others["t"], curves["t"])
        for name in {*curves, *others}:
            torch.testing.assert_close(others[name], curves[name], atol=1e-9, rtol=1e-9)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "method", [pytest.param("dds", marks=SLOW), pytest.param("cds", marks=SLOW), "ids"]
)
def test_a_network_gives_the_same_to_rounding(method: str) -> None:
    """Eight steps on the embedded world in float32, for one image."""
    world = StableDiffusion("shapes").load(torch.device("cpu"))
    rule, fpr = CDS if method == "cds" else DDS(), FPR(3, 0.1) if method == "ids" else None
    edit, image = editor(rule, fpr, n_steps=8), Shapes()[0]
    plain, _, cost = edited(edit, [image], backbone=world)
    ahead, _, same = edited(edit, [image], Ahead(3), world)
    assert (ahead - plain).norm() / plain.norm() < 1e-4
    assert (same.forwards, same.backwards) == (cost.forwards, cost.backwards)


@pytest.mark.parametrize(("fpr", "source"), [(NoRefinement(), (2, 0)), (FPR(3, 0.1), (8, 6))])
@pytest.mark.parametrize("n_prompts", [1, 2, 8])
def test_a_further_prompt_of_an_image_costs_two_forwards_a_step(
    fpr: object, source: tuple[int, int], n_prompts: int
) -> None:
    """Its target half: the source half is that of the first."""
    for rows in (1, 8):
        _, _, nfe = edited(editor(fpr=fpr, n_steps=6), targets(n_prompts), Ahead(rows))
        assert nfe.forwards == 6 * (source[0] + 2 * n_prompts)
        assert nfe.backwards == 6 * source[1]


def test_rows_that_differ_share_nothing() -> None:
    """Images, seeds, source prompts; and the two directions of an edit there and back."""
    cases = [*IMAGES[:2], IMAGES[0], replace(IMAGES[0], prompt_src="another")]
    _, _, nfe = edited(editor(), cases, Ahead(8), seeds=[0, 0, 1, 0])
    assert nfe.forwards == 5 * 4 * 4
    back = ThereAndBack(editor())
    (plain, curves, _), (found, others, nfe) = (
        edited(back, targets(3), anchors) for anchors in (inline, Ahead(8))
    )
    torch.testing.assert_close(found, plain)
    assert torch.equal(curves["t"], others["t"])
    assert nfe.forwards == 5 * (2 + 3 * 2) + 5 * 3 * 4  # there they share a source; back none


@dataclass(frozen=True)
class Watched:
    """DDS on a device with memory for the source halves of `room` rows."""

    room: int = 99
    sizes: list[int] = field(default_factory=list)
    rule: DDS = field(default_factory=DDS)

    def anchor(self, eps_phi: object, z_src: Tensor, y_src: object, draw: Draw) -> Anchor:
        self.sizes.append(len(z_src))
        if len(z_src) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return self.rule.anchor(eps_phi, z_src, y_src, draw)  # type: ignore[arg-type]

    def grad(self, *half: object) -> Tensor:
        return self.rule.grad(*half)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "n_images", "sizes"),
    [(4, 1, [4, 4, 2]), (4, 3, [3] * 10), (8, 3, [6] * 5), (1, 1, [1] * 10)],
)
def test_a_call_has_no_more_rows_than_a_batch(rows: int, n_images: int, sizes: list[int]) -> None:
    rule = Watched()
    edited(editor(rule, n_steps=10), IMAGES[:n_images], Ahead(rows))
    assert rule.sizes == sizes


@pytest.mark.parametrize(("size", "sizes"), [(16, [8, 2]), (36, [2] * 5), (64, [1] * 10)])
def test_large_latents_on_a_cpu_are_evaluated_fewer_at_a_time(size: int, sizes: list[int]) -> None:
    """They gain nothing by more, and memory is bounded; what rows share is computed once."""
    rule, image = Watched(), Shapes(size=size)[0]  # latents of 3 x size x size
    edited(editor(rule, n_steps=10), targets(2, image), Ahead(8))
    assert rule.sizes == sizes


def test_what_does_not_fit_is_halved_and_remembered() -> None:
    rule, anchors = Watched(room=2), Ahead(8)
    found, _, _ = edited(editor(rule, n_steps=4), IMAGES[:1], anchors)
    assert rule.sizes == [4, 2, 2]
    assert torch.equal(found, edited(editor(n_steps=4), IMAGES[:1])[0])
    edited(editor(rule, n_steps=4), IMAGES[:1], anchors)
    assert rule.sizes[3:] == [2, 2]
    with pytest.raises(torch.OutOfMemoryError):  # for the batch to be halved
        edited(editor(Watched(room=2), n_steps=4), IMAGES, Ahead(8))


@dataclass(frozen=True)
class Small(DoubleWorld):
    """A network on a device with memory for two guided samples."""

    def eps(self, z_t: Tensor, *rest: object) -> Tensor:
        if len(z_t) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return self.world.eps(z_t, *rest)  # type: ignore[arg-type]


def test_an_evaluation_that_does_not_fit_is_not_counted() -> None:
    _, _, nfe = edited(editor(n_steps=4), IMAGES[:1], Ahead(8), Small())
    assert nfe.forwards == 4 * 4


def test_another_error_is_not_taken_for_lack_of_memory() -> None:
    @dataclass(frozen=True)
    class Broken(Watched):
        def anchor(self, *half: object) -> Anchor:
            raise RuntimeError("no such thing")

    with pytest.raises(RuntimeError, match="no such thing"):
        edited(editor(Broken()), IMAGES, Ahead(8))
