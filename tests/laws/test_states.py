"""States along an edit, and the round trip of an edit and its reverse."""

from functools import partial
from itertools import product

import pytest
import torch

from ids.backbones import Gaussian, GaussianWorld
from ids.core.edit import EditContext, Silent
from ids.core.records import EditCase
from ids.core.rng import Streams
from ids.data.shapes import Shapes
from ids.diffusion.timesteps import Uniform
from ids.editing import DistillationEditor, StateRecorder, ThereAndBack, TrueEdit
from ids.methods import DDS, FPR, SDS, Refined
from ids.representations import LatentImage, LatentSpace

WORLD = Gaussian().load(torch.device("cpu"))
CASES = [Shapes(size=32)[i] for i in range(2)]
RULES = {"sds": SDS(), "dds": DDS(), "ids": Refined(DDS(), FPR(2, 0.1))}


def editor(rule: str, n_steps: int, lr: float = 0.1) -> DistillationEditor:
    return DistillationEditor(
        RULES[rule], Uniform(50, 949), partial(torch.optim.SGD, lr=lr), n_steps, 3.0
    )


def subject(world: GaussianWorld = WORLD, cases: list[EditCase] = CASES) -> LatentImage:
    return LatentSpace().open(world, cases)


def edited(
    edit: DistillationEditor | ThereAndBack, every: int
) -> tuple[LatentImage, StateRecorder]:
    latents = subject()
    kept = StateRecorder(Silent(), latents, every)
    edit(EditContext(WORLD, Streams.of(0, [case.id for case in CASES]), kept), latents)
    return latents, kept


@pytest.mark.parametrize("rule", RULES)
def test_a_state_equals_the_edit_of_as_many_steps(rule: str) -> None:
    stopped = {n: edited(editor(rule, n), 0)[0] for n in range(1, 8)}
    ends = {n: latents.z_trg.detach() for n, latents in stopped.items()} | {0: stopped[1].z_src}
    for n, every in product((1, 6, 7), (1, 2, 3, 5)):
        states = edited(editor(rule, n), every)[1].states()
        assert list(states) == sorted({*range(0, n + 1, every), n})
        assert all(torch.equal(state, ends[step]) for step, state in states.items())


def test_no_states_without_steps_or_with_every_0() -> None:
    assert edited(editor("dds", 3), 0)[1].states() == {}
    latents = subject()
    kept = StateRecorder(Silent(), latents, 1)
    TrueEdit()(EditContext(WORLD, Streams.of(0, ["a", "b"]), kept), latents)
    assert kept.states() == {}


@pytest.mark.parametrize("rule", ["dds", pytest.param("ids", marks=pytest.mark.slow)])
def test_dds_and_ids_are_invertible_in_the_gaussian_world(rule: str) -> None:
    """Both translate by the difference of the means; swapped prompts translate back."""
    forth, _ = edited(editor(rule, 300, lr=1.0), 0)
    back, kept = edited(ThereAndBack(editor(rule, 300, lr=1.0)), 100)
    assert (forth.z_trg - forth.z_src).abs().max() > 0.1
    assert torch.allclose(back.z_trg, back.z_src, atol=2e-3)
    states = kept.states()
    assert list(states) == [0, 100, 200, 300, 400, 500, 600]
    assert torch.equal(states[300], forth.z_trg.detach())
    assert not torch.equal(states[400], states[300])


def test_the_reverse_edit_has_independent_draws() -> None:
    latents = subject()
    context = EditContext(WORLD, Streams.of(0, [case.id for case in CASES]))
    trace = ThereAndBack(editor("dds", 4))(context, latents)
    t = trace.curves["t"]
    assert t.shape == (8, 2)
    assert not torch.equal(t[:4], t[4:])


def test_via_image_the_reverse_edit_starts_from_8_bits() -> None:
    """With a learning rate of 0, only the rounding of the image remains."""
    whole, _ = edited(ThereAndBack(editor("dds", 1, lr=0.0), via="image"), 0)
    x = WORLD.decode(whole.z_src)
    rounded = WORLD.encode((x.clamp(0, 1) * 255).round() / 255)
    assert torch.allclose(whole.z_trg, rounded)
    exact, _ = edited(ThereAndBack(editor("dds", 1, lr=0.0)), 0)
    assert torch.equal(exact.z_trg, exact.z_src)
