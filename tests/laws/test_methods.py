"""Theorems of the Gaussian world, for the editor that `ids run` builds."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ids.backbones import GaussianWorld
from ids.core.edit import EditContext
from ids.core.records import Draw, EditCase, Trace
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion import Flow, Guided, Uniform
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import DistillationEditor
from ids.methods import DDS, FPR, PDS, SDS, DreamCatalyst, Refined
from ids.methods.refiners.loop import residual_and_gradient
from ids.representations import LatentImage

DOUBLE = torch.float64
SCHEDULES = [scaled_linear_vp(DOUBLE), Flow(dtype=DOUBLE)]
RULES = {"dds": DDS(), "ids": Refined(DDS(), FPR(3, 0.2)), "ids1": Refined(DDS(), FPR(1, 1.0))}
EXACT_ON_NULL = RULES | {"pds": PDS(), "strided": PDS("strided"), "catalyst": DreamCatalyst()}


def case(name: str, source: str = "source", target: str = "target") -> EditCase:
    return EditCase(name, Shapes(count=1)[0].source, source, target)


def editor(rule: object, n_steps: int = 30, lr: float = 1.0, w: float = 1.0) -> DistillationEditor:
    optimizer = partial(torch.optim.SGD, lr=lr)
    return DistillationEditor(rule, Uniform(), optimizer, n_steps, w, grad_scale=1.0)  # type: ignore[arg-type]


def latents(rows: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, 3, 4, 4, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


def run(
    world: GaussianWorld, edit: DistillationEditor, z: Tensor, cases: list[EditCase]
) -> tuple[Tensor, Trace]:
    subject = LatentImage(z, cases, world.decode)
    trace = edit(EditContext(world, Streams.of(0, [c.id for c in cases])), subject)
    return subject.z_trg.detach(), trace


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=["vp", "flow"])
@pytest.mark.parametrize("w", [1.0, 3.0])
def test_dds_and_ids_translate(rule: object, schedule: object, w: float) -> None:
    """Their fixed point is z_src + w (mu_trg - mu_src)."""
    world = GaussianWorld(schedule)  # type: ignore[arg-type]
    z = latents(2)
    z_trg, _ = run(world, editor(rule, w=w), z, [case("a"), case("b")])
    mu_src, mu_trg = world.prompt(["source", "target"]).embedding.double()
    shift = (w * (mu_trg - mu_src)).view(1, 3, 1, 1).expand_as(z)
    torch.testing.assert_close(z_trg - z, shift, atol=1e-5, rtol=0)


def test_sds_forgets_the_source() -> None:
    """Under SDS the distance between two sources converges to 0; under DDS it is constant."""
    world, cases = GaussianWorld(scaled_linear_vp(DOUBLE)), [case("a")]
    one, other = latents(1, 1), latents(1, 2)
    ends = [run(world, editor(SDS()), z, cases)[0] for z in (one, other)]
    assert (ends[0] - ends[1]).norm() < 1e-4 * (one - other).norm()
    kept = [run(world, editor(DDS()), z, cases)[0] for z in (one, other)]
    torch.testing.assert_close(kept[0] - kept[1], one - other, atol=1e-5, rtol=0)


def test_sds_converges_to_the_mean_of_the_prompt() -> None:
    world = GaussianWorld(scaled_linear_vp(DOUBLE))
    z = torch.full((1, 3, 64, 64), 0.9, dtype=DOUBLE)
    z_trg, _ = run(world, editor(SDS(), n_steps=300, lr=0.1), z, [case("a")])
    mu_trg = world.prompt(["target"]).embedding.double()
    torch.testing.assert_close(z_trg.mean((2, 3)), mu_trg, atol=0.05, rtol=0)


def test_ids_without_iterations_is_dds_bit_for_bit() -> None:
    world, cases = GaussianWorld(scaled_linear_vp()), [case("a"), case("b")]
    z = latents(2).float()
    ids, _ = run(world, editor(Refined(DDS(), FPR(0)), 20, w=7.5), z, cases)
    dds, _ = run(world, editor(DDS(), 20, w=7.5), z, cases)
    assert torch.equal(ids, dds)


@settings(max_examples=30)
@given(t=st.integers(50, 948), seed=st.integers(0, 50), scale=st.floats(1e-3, 0.05))
def test_the_residual_decreases_with_every_iteration(t: int, seed: int, scale: float) -> None:
    """Each step has length scale * J, J = d z_0|t / d z_t, so below residual / J^2 it cannot
    overshoot.
    """
    world = GaussianWorld(scaled_linear_vp(DOUBLE))
    z, y = latents(1, seed), world.prompt(["source"])
    draw = Draw(torch.tensor([t]), latents(1, seed + 100), Streams(("a",)))
    eps_phi = Guided(world, y, 1.0)
    _, logs = FPR(6, scale)(eps_phi, z, y, draw)
    residuals = logs["fpr_residual"][0]
    assert (residuals[1:] < residuals[:-1]).all()


def test_the_gradient_of_the_residual_equals_finite_differences() -> None:
    """Against finite differences."""
    world = GaussianWorld(scaled_linear_vp(DOUBLE))
    z, y, t = latents(1), world.prompt(["source"]), torch.tensor([400])
    eps_phi = Guided(world, world.prompt([""]), 7.5)
    z_t, push = latents(1, 5), latents(1, 6)
    _, direction = residual_and_gradient(eps_phi, z, z_t, y, t)
    plus, minus = (
        residual_and_gradient(eps_phi, z, z_t + s * 1e-6 * push, y, t)[0] for s in (1, -1)
    )
    torch.testing.assert_close(
        ((plus - minus) / 2e-6)[0], (direction * push).sum(), rtol=1e-6, atol=0
    )


def test_equal_prompts_have_gradient_zero() -> None:
    """DDS, IDS and PDS exactly; SDS not, as predicted noise differs from drawn noise."""
    world, same = GaussianWorld(scaled_linear_vp()), [case("a", "same", "same")]
    z = latents(1).float()
    for rule in EXACT_ON_NULL.values():
        z_trg, _ = run(world, editor(rule, 5, w=7.5), z, same)
        assert torch.equal(z_trg, z)
    z_trg, _ = run(world, editor(SDS(), 5, w=7.5), z, same)
    assert (z_trg - z).norm() > 0.1


@pytest.mark.parametrize("rule", [SDS(), *EXACT_ON_NULL.values()], ids=["sds", *EXACT_ON_NULL])
def test_rows_are_independent_of_the_batch(rule: object) -> None:
    world, cases = GaussianWorld(scaled_linear_vp()), [case("a"), case("b"), case("c")]
    z = latents(3).float()
    together, _ = run(world, editor(rule, 20, w=7.5), z, cases)
    for row in range(3):
        alone, _ = run(world, editor(rule, 20, w=7.5), z[row : row + 1], cases[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-4, atol=1e-6)


def test_methods_share_their_draws() -> None:
    world, cases = GaussianWorld(scaled_linear_vp()), [case("a"), case("b")]
    curves = [
        run(world, editor(r, 10), latents(2).float(), cases)[1].curves["t"] for r in (SDS(), DDS())
    ]
    assert torch.equal(curves[0], curves[1])
    assert curves[0].shape == (10, 2)


def test_weightings_are_the_published_ones() -> None:
    world = GaussianWorld(scaled_linear_vp(DOUBLE))
    z, y, t = latents(1), world.prompt(["target"]), torch.tensor([700])
    draw, eps_phi = Draw(t, latents(1, 1), Streams(("a",))), Guided(world, y, 1.0)
    grads = {
        w: SDS(w).grad(eps_phi, z, y, SDS(w).anchor(eps_phi, z, y, draw))
        for w in ("uniform", "sds", "fantasia3d")
    }
    alpha, sigma = world.schedule.alpha(t), world.schedule.sigma(t)
    torch.testing.assert_close(grads["sds"], sigma**2 * grads["uniform"])
    torch.testing.assert_close(grads["fantasia3d"], alpha * sigma**2 * grads["uniform"])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FPR(-1), "n_iters"),
        (lambda: FPR(1, -0.1), "scale"),
        (lambda: Uniform(5, 5), "low < high"),
        (lambda: Uniform(1, 9, stride=2), "stride <= low"),
        (lambda: replace(editor(DDS()), n_steps=0), "n_steps"),
    ],
)
def test_invalid_values_are_refused(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]
