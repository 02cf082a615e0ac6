"""Posterior distillation: the origin and the effect of its identity term."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ids.backbones import GaussianWorld
from ids.core.edit import EditContext
from ids.core.records import Draw, EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion import Guided, Uniform, posterior
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import DistillationEditor
from ids.methods import DDS, PDS, DreamCatalyst, Refined
from ids.methods.refiners.polyak import PolyakFPR
from ids.representations import LatentImage

VP64 = scaled_linear_vp(torch.float64)
WORLD = GaussianWorld(VP64)
PROMPTS = WORLD.prompt(["target", "source"]), WORLD.prompt(["source", "target"])
TIMES = st.integers(10, 489).map(lambda index: 2 * index + 1)  # as released: 21, 23 .. 979
PSI = {21: 1.613, 101: 0.314, 201: 0.140, 501: 0.0321, 801: 0.0096, 981: 0.0042}
CHI = {21: 0.232, 101: 0.116, 201: 0.092, 501: 0.082, 801: 0.096, 981: 0.110}


def at(t: int) -> Tensor:
    return torch.tensor([t])


def coefficients(t: int, beta: str) -> tuple[float, float]:
    """psi and chi of PDS, from its gradient: of z_trg - z_src and of the change of eps."""
    step = VP64.transition(at(t), at(t - 1 if beta == "single_step" else t - 2))
    q = posterior(VP64, at(t), at(t - 2), step)
    alpha, sigma = VP64.alpha(at(t)), VP64.sigma(at(t))
    psi = (VP64.alpha(at(t - 2)) - q.c_0 - q.c_t * alpha) / q.sigma
    return float(psi), float(q.c_0 * sigma / alpha / q.sigma)


def latents(seed: int) -> Tensor:
    return torch.randn(
        2, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


def grads(rule: PDS | DDS, t: int, seed: int) -> Tensor:
    z_src, z_trg, y_src, y_trg = latents(seed), latents(seed + 1), *PROMPTS
    eps_phi = Guided(WORLD, WORLD.prompt(["", ""]), 7.5)
    draw = Draw(at(t).repeat(2), latents(seed + 2), Streams(("a", "b")), at(t - 2).repeat(2))
    return rule.grad(eps_phi, z_trg, y_trg, rule.anchor(eps_phi, z_src, y_src, draw))


@pytest.mark.parametrize("t", PSI)
def test_the_released_coefficients(t: int) -> None:
    assert coefficients(t, "single_step") == pytest.approx((PSI[t], CHI[t]), rel=0.02)


@given(t=TIMES, seed=st.integers(0, 50))
def test_a_consistent_beta_has_no_identity_term(t: int, seed: int) -> None:
    """psi is 0 and PDS is chi times DDS at every t: the posterior mean of a clean latent and its
    noised state has exactly the coefficients of the state at t_prev.
    """
    psi, chi = coefficients(t, "strided")
    assert abs(psi) < 1e-10
    dds = grads(DDS(), t, seed)
    torch.testing.assert_close(grads(PDS("strided"), t, seed), chi * dds, rtol=1e-7, atol=1e-9)


@given(t=TIMES, seed=st.integers(0, 50))
def test_the_released_gradient_is_dds_plus_an_identity_term(t: int, seed: int) -> None:
    psi, chi = coefficients(t, "single_step")
    assert psi > 0
    expected = chi * grads(DDS(), t, seed) + psi * (latents(seed + 1) - latents(seed))
    torch.testing.assert_close(grads(PDS(), t, seed), expected, rtol=1e-7, atol=1e-9)


@given(t=TIMES)
def test_the_posterior_of_the_schedules_transition_is_exact(t: int) -> None:
    """A state drawn from q(z_t_prev | z_t, z_0) and z_t ~ q(z_t | z_0) has the marginal at
    t_prev.
    """
    q = posterior(VP64, at(t), at(t - 2), VP64.transition(at(t), at(t - 2)))
    mean = q.c_0 + q.c_t * VP64.alpha(at(t))
    variance = (q.c_t * VP64.sigma(at(t))) ** 2 + q.sigma**2
    torch.testing.assert_close(mean, VP64.alpha(at(t - 2)), rtol=1e-10, atol=0)
    torch.testing.assert_close(variance, VP64.sigma(at(t - 2)) ** 2, rtol=1e-9, atol=0)


def translated(rule: object) -> Tensor:
    """z_trg - z_src at convergence, averaged per channel."""
    case = EditCase("a", Shapes(count=1)[0].source, "source", "target")
    z = latents(0)[:1]
    sgd = partial(torch.optim.SGD, lr=2.0)
    edit = DistillationEditor(rule, Uniform(21, 980, 2), sgd, 250, 1.0, grad_scale=1.0)  # type: ignore[arg-type]
    subject = LatentImage(z, [case], WORLD.decode)
    edit(EditContext(WORLD, Streams.of(0, ["a"])), subject)
    return (subject.z_trg.detach() - z).mean((2, 3))


def test_the_released_rule_stays_closer_to_the_source() -> None:
    """DDS and strided PDS translate by the whole difference of the means; released PDS and
    DreamCatalyst by less.
    """
    mu_src, mu_trg = WORLD.prompt(["source", "target"]).embedding.double()
    whole = mu_trg - mu_src
    torch.testing.assert_close(translated(PDS("strided"))[0], whole, atol=1e-3, rtol=0)
    for rule in (PDS(), DreamCatalyst(), Refined(PDS(), PolyakFPR())):
        share = translated(rule)[0] / whole
        assert ((share > 0) & (share < 0.95)).all()


def test_a_draw_without_t_prev_is_refused() -> None:
    draw = Draw(at(500), latents(0)[:1], Streams(("a",)))
    eps_phi = Guided(WORLD, WORLD.prompt([""]), 1.0)
    with pytest.raises(ValueError, match="t_prev"):
        PDS().anchor(eps_phi, latents(1)[:1], WORLD.prompt(["a"]), draw)


def test_a_stride_changes_no_other_draw() -> None:
    streams, z = Streams.of(3, ["a", "b"]).at(5), latents(0)
    one, two = Uniform(50, 949).draw(z, streams), Uniform(21, 980, 2).draw(z, streams)
    assert torch.equal(one.eps, two.eps)
    assert two.t_prev is not None
    assert torch.equal(two.t - 2, two.t_prev)
    assert (two.t % 2 == 1).all()


def test_the_grid_is_the_released_one() -> None:
    drawn = {
        int(Uniform(21, 980, 2).draw(latents(0)[:1], Streams(("a",), step)).t)
        for step in range(6000)
    }
    assert drawn == set(range(21, 980, 2))


@given(t=st.integers(1, 999))
def test_single_steps_are_the_schedules_betas(t: int) -> None:
    alpha, beta = VP64.transition(at(t), at(t - 1))
    linear = 0.00085**0.5 + (0.012**0.5 - 0.00085**0.5) * t / 999
    assert float(beta) == pytest.approx(linear**2, rel=1e-9)
    assert float(alpha) == pytest.approx(1 - linear**2, rel=1e-12)
