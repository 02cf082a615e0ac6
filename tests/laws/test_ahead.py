"""Source halves ahead of the loop, and shared: the same edit, for fewer evaluations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pixels import PixelSpace
from torch import Tensor

from ids.backbones import Gaussian, GaussianWorld, StableDiffusion
from ids.core.anchor_rows import AnchorRows
from ids.core.edit import Anchors, EditContext, Editor, Representation, inline
from ids.core.errors import UnsupportedError
from ids.core.protocols import Backbone
from ids.core.records import Anchor, Draw, EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion import Uniform
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import NFE, DistillationEditor, MeteredBackbone, ThereAndBack
from ids.editing.ahead import Ahead
from ids.methods import DDS, FPR, PDS, SDS, DreamCatalyst, NoRefinement, PatchNCE, PolyakFPR, Sum
from ids.representations import LatentSpace
from ids.run.anchor_cache import MemoryCache

IMAGES = [Shapes(size=16)[i] for i in range(3)]
RULES = [DDS(), PDS(), SDS("sds"), DreamCatalyst()]
RULES += [Sum({"a": DDS(), "b": DreamCatalyst()}, {"a": 1.0, "b": 0.5})]
REFINERS = [NoRefinement(), FPR(2, 0.1), PolyakFPR(1, 0.1)]
CDS = Sum({"dds": DDS(), "cut": PatchNCE()}, {"dds": 0.48828125, "cut": 3.0})


@dataclass(frozen=True)
class DoubleWorld:
    """The Gaussian world in float64: what rounding remains is far below any difference."""

    world: GaussianWorld = field(
        default_factory=lambda: GaussianWorld(scaled_linear_vp(torch.float64))
    )

    @property
    def schedule(self) -> object:
        return self.world.schedule

    def encode(self, x: Tensor) -> Tensor:
        return self.world.encode(x).double()

    def __getattr__(self, name: str) -> object:
        return getattr(object.__getattribute__(self, "world"), name)


def editor(
    rule: object = None, fpr: object = None, n_steps: int = 5, lr: float = 0.1, **values: object
) -> DistillationEditor:
    sgd = partial(torch.optim.SGD, lr=lr)
    made = DistillationEditor(rule or DDS(), Uniform(), sgd, n_steps, 3.0, 1.0)  # type: ignore[arg-type]
    return replace(made, fpr=fpr or NoRefinement(), **values)  # type: ignore[arg-type]


def edited(
    edit: Editor,
    cases: Sequence[EditCase],
    anchors: Anchors = inline,
    backbone: Backbone | None = None,
    seeds: int | Sequence[int] = 0,
    representation: Representation | None = None,
) -> tuple[Tensor, Mapping[str, Tensor], NFE]:
    """Parameters after the edit, its curves and what it took."""
    metered = MeteredBackbone(backbone or Gaussian().load(torch.device("cpu")))
    subject = (representation or LatentSpace()).open(metered.backbone, cases)
    rng = Streams.of(seeds, [case.source_digest for case in cases])
    trace = edit(EditContext(metered, rng, anchors=anchors), subject)
    (found,) = subject.parameters()
    return found.detach(), trace.curves, metered.nfe


def targets(n: int, image: EditCase = IMAGES[0]) -> list[EditCase]:
    """Edits of one image to n prompts."""
    return [replace(image, id=f"{k}", prompt_trg=f"target {k}") for k in range(n)]


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
    """Twenty steps on the embedded world in float32, for one image."""
    world = StableDiffusion("shapes").load(torch.device("cpu"))
    rule, fpr = CDS if method == "cds" else DDS(), FPR(3, 0.1) if method == "ids" else None
    edit, image = editor(rule, fpr, n_steps=20), Shapes()[0]
    plain, _, cost = edited(edit, [image], backbone=world)
    ahead, _, same = edited(edit, [image], Ahead(8), world)
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


def test_large_latents_on_a_cpu_are_evaluated_step_by_step() -> None:
    """They gain nothing, and memory stays that of a step; what rows share is computed once."""
    rule, image = Watched(), Shapes(size=32)[0]
    edited(editor(rule, n_steps=3), targets(2, image), Ahead(8))
    assert rule.sizes == [1, 1, 1]


def test_what_does_not_fit_is_halved_and_remembered() -> None:
    rule, anchors = Watched(room=2), Ahead(8)
    found, _, _ = edited(editor(rule, n_steps=4), IMAGES[:1], anchors)
    assert rule.sizes == [4, 2, 2]
    assert torch.equal(found, edited(editor(n_steps=4), IMAGES[:1])[0])
    edited(editor(rule, n_steps=4), IMAGES[:1], anchors)
    assert rule.sizes[3:] == [2, 2]
    with pytest.raises(torch.OutOfMemoryError):  # for the batch to be halved
        edited(editor(Watched(room=2), n_steps=4), IMAGES, Ahead(8))


def test_another_error_is_not_taken_for_lack_of_memory() -> None:
    @dataclass(frozen=True)
    class Broken(Watched):
        def anchor(self, *half: object) -> Anchor:
            raise RuntimeError("no such thing")

    with pytest.raises(RuntimeError, match="no such thing"):
        edited(editor(Broken()), IMAGES, Ahead(8))


FIRST = editor(fpr=FPR(2, 0.1))


@pytest.mark.parametrize(
    ("second", "case", "shared"),
    [
        (FIRST, targets(1)[0], 5),
        (replace(FIRST, n_steps=8), IMAGES[0], 5),
        (editor(fpr=FPR(2, 0.1), lr=0.3, grad_scale=2.0), IMAGES[0], 5),
        (replace(FIRST, fpr=FPR(2, 0.2)), IMAGES[0], 0),
        (replace(FIRST, fpr=NoRefinement()), IMAGES[0], 0),
        (replace(FIRST, distillation=DreamCatalyst()), IMAGES[0], 0),
        (replace(FIRST, guidance_scale=4.0), IMAGES[0], 0),
        (replace(FIRST, negative_prompt="blurred"), IMAGES[0], 0),
        (replace(FIRST, timesteps=Uniform(60)), IMAGES[0], 0),
        (FIRST, replace(IMAGES[0], prompt_src="another"), 0),
        (FIRST, IMAGES[1], 0),
    ],
)
def test_what_a_later_edit_shares(second: DistillationEditor, case: EditCase, shared: int) -> None:
    """Steps whose source halves are not computed again, and the edit is the same."""
    anchors = Ahead(8, MemoryCache(10**9))
    edited(FIRST, IMAGES[:1], anchors)
    found, _, nfe = edited(second, [case], anchors)
    plain, _, cold = edited(second, [case])
    torch.testing.assert_close(found, plain, atol=1e-6, rtol=1e-6)
    per_step = (cold.forwards + cold.backwards) // second.n_steps
    saved = cold.forwards + cold.backwards - nfe.forwards - nfe.backwards
    assert saved == shared * (per_step - 2)


def test_of_a_batch_only_the_unknown_rows_are_computed() -> None:
    anchors = Ahead(8, MemoryCache(10**9))
    edited(FIRST, IMAGES[:1], anchors)
    found, _, nfe = edited(FIRST, [IMAGES[1], IMAGES[0]], anchors)
    assert (nfe.forwards, nfe.backwards) == (5 * (6 + 2 * 2), 5 * 4)  # the source half of one
    plain, _, _ = edited(FIRST, [IMAGES[1], IMAGES[0]])
    torch.testing.assert_close(found, plain, atol=1e-6, rtol=1e-6)


class Opaque:
    """The rule DDS; what else it holds, nobody can say."""

    def __getattr__(self, name: str) -> object:
        return getattr(DDS(), name)


def test_a_part_whose_content_is_not_known_is_not_shared() -> None:
    found, _, _ = edited(editor(Opaque()), IMAGES, Ahead(8))
    assert found.isfinite().all()
    with pytest.raises(UnsupportedError, match=r"got a part of class Opaque; use engine\.anchors"):
        edited(editor(Opaque()), IMAGES, Ahead(8, MemoryCache(10**9)))


def test_tensors_that_an_anchor_shares_stay_shared() -> None:
    """The terms of a sum find the pass of another by the identity of t."""
    draw = Draw(torch.arange(3), torch.randn(3, 2, 4, 4), Streams(("a", "b", "c")))
    refined = replace(draw, eps=torch.randn(3, 2, 4, 4))
    parts = {
        "x": Anchor(refined, refined.eps, logs={"l": torch.arange(3.0)}),
        "y": Anchor(draw, draw.eps),
    }
    rows = AnchorRows.of(Anchor(refined, torch.zeros(3, 2, 4, 4), parts=parts), draw)
    one = rows.split([2, 1])[0].anchor(replace(draw, t=draw.t[:2], eps=draw.eps[:2]))
    assert one.parts["x"].draw.t is one.draw.t
    assert one.parts["x"].reference is one.draw.eps
    assert torch.equal(one.draw.eps, refined.eps[:2])
    assert torch.equal(one.parts["y"].reference, draw.eps[:2])
    assert torch.equal(one.parts["x"].logs["l"], torch.arange(2.0))
    with pytest.raises(ValueError, match="expected tensors of 3 rows"):
        AnchorRows.of(Anchor(draw, draw.eps, logs={"l": torch.zeros(())}), draw)
