"""The fixed-point regularizer and its variants: what each does to the noise."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ids.backbones import GaussianWorld
from ids.core.protocols import NoiseRefiner
from ids.core.records import Draw
from ids.core.rng import Streams
from ids.diffusion import Guided
from ids.diffusion.gaussianity import kurtosis, lag1
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import MeteredBackbone
from ids.methods import (
    DDS,
    FPR,
    PDS,
    SDS,
    FiniteDifferenceFPR,
    NoiseFPR,
    NoRefinement,
    PolyakFPR,
    Refined,
    SquaredFPR,
)
from ids.methods.refiners.loop import norm, residual_and_gradient

WORLD = GaussianWorld(scaled_linear_vp(torch.float64))
FAMILY: dict[str, NoiseRefiner] = {
    "released": FPR(3, 0.2),
    "squared": SquaredFPR(3, 0.1),
    "noise": NoiseFPR(3, 0.2),
    "finite_difference": FiniteDifferenceFPR(3, 0.2),
    "polyak": PolyakFPR(2, 0.1),
}
TIMES, SEEDS = st.integers(50, 948), st.integers(0, 50)
Y = WORLD.prompt(["source"])


def normal(seed: int, rows: int = 1) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 3, 4, 4, dtype=torch.float64, generator=rng)


def drawn(t: int, seed: int, rows: int = 1) -> Draw:
    times = torch.full((rows,), t)
    return Draw(times, normal(seed, rows), Streams(tuple("abcdef"[:rows])), times - 1)


def guided(world: GaussianWorld | MeteredBackbone = WORLD, rows: int = 1) -> Guided:
    return Guided(world, WORLD.prompt([""] * rows), 3.0)


@pytest.mark.parametrize("fpr", FAMILY.values(), ids=FAMILY)
@settings(max_examples=20)
@given(t=TIMES, seed=SEEDS)
def test_refinement_decreases_the_residual(fpr: NoiseRefiner, t: int, seed: int) -> None:
    anchor = Refined(DDS(), fpr).anchor(guided(), normal(seed), Y, drawn(t, seed + 99))
    before, after = anchor.logs["fpr_residual"][0, 0], anchor.logs["fpr_residual_after"][0]
    assert after < before


@pytest.mark.parametrize("fpr", FAMILY.values(), ids=FAMILY)
@pytest.mark.parametrize("rule", [SDS(), DDS(), PDS()], ids=["sds", "dds", "pds"])
def test_every_rule_takes_every_refiner(rule: object, fpr: NoiseRefiner) -> None:
    """All rules get the same refined noise, and the logs have one value per row."""
    y, z, draw = WORLD.prompt(["a", "b"]), normal(1, 2), drawn(500, 2, rows=2)
    anchor = Refined(rule, fpr).anchor(guided(rows=2), z, y, draw)  # type: ignore[arg-type]
    expected, _ = fpr(guided(rows=2), z, y, draw)
    assert torch.equal(anchor.draw.eps, expected.eps)
    assert anchor.draw.t_prev is draw.t_prev
    logged = set(anchor.logs) - {"fpr_residual"}
    assert logged == {
        "fpr_residual_after",
        "eps_star_norm",
        "eps_star_moved",
        "eps_star_lag1",
        "eps_star_kurtosis",
    }
    assert all(anchor.logs[name].shape == (2,) for name in logged)
    assert anchor.logs["fpr_residual"].shape[0] == 2


@pytest.mark.parametrize("fpr", FAMILY.values(), ids=FAMILY)
def test_the_logged_residual_is_that_of_the_refined_noise(fpr: NoiseRefiner) -> None:
    z, draw = normal(1), drawn(400, 2)
    anchor = Refined(SDS(), fpr).anchor(guided(), z, Y, draw)
    s = WORLD.schedule
    z_t = s.alpha(draw.t) * z + s.sigma(draw.t) * anchor.draw.eps
    expected, _ = residual_and_gradient(guided(), z, z_t, Y, draw.t)
    torch.testing.assert_close(anchor.logs["fpr_residual_after"], expected)
    torch.testing.assert_close(
        anchor.logs["eps_star_norm"], norm(anchor.draw.eps) / anchor.draw.eps.numel() ** 0.5
    )


def test_nfe_of_refinement() -> None:
    """N forwards and backwards (2 N forwards without autograd), doubled by guidance. The residual
    that is logged costs a pass for rules that do not evaluate the source.
    """
    costs = {"released": (6, 6), "squared": (6, 6), "noise": (6, 6), "polyak": (4, 4)}
    costs["finite_difference"] = (12, 0)
    for name, (forwards, backwards) in costs.items():
        for rule in (SDS(), DDS(), PDS()):
            metered = MeteredBackbone(WORLD)
            anchor = Refined(rule, FAMILY[name]).anchor  # type: ignore[arg-type]
            anchor(guided(metered), normal(1), Y, drawn(500, 2))
            assert metered.nfe.forwards == forwards + 2, (name, rule)
            assert metered.nfe.backwards == backwards, (name, rule)


@pytest.mark.parametrize("rule", [SDS(), DDS(), PDS()], ids=["sds", "dds", "pds"])
def test_no_refinement_is_the_rule_itself_bit_for_bit(rule: object) -> None:
    for fpr in (NoRefinement(), NoRefinement(7, 3.0), FPR(0), SquaredFPR(0), PolyakFPR(0)):
        metered = MeteredBackbone(WORLD)
        plain = rule.anchor(guided(), normal(1), Y, drawn(500, 2))  # type: ignore[attr-defined]
        anchor = Refined(rule, fpr).anchor(guided(metered), normal(1), Y, drawn(500, 2))  # type: ignore[arg-type]
        assert torch.equal(anchor.reference, plain.reference)
        assert not anchor.logs
        assert metered.nfe.forwards == (0 if isinstance(rule, SDS) else 2)


@given(t=TIMES, seed=SEEDS, scale=st.floats(0.01, 2))
def test_the_squared_step_is_proportional_to_the_residual(t: int, seed: int, scale: float) -> None:
    z, draw = normal(seed), drawn(t, seed + 99)
    squared, logs = SquaredFPR(1, scale)(guided(), z, Y, draw)
    length = 2 * scale * float(logs["fpr_residual"][0, 0])
    released, _ = FPR(1, length)(guided(), z, Y, draw)
    torch.testing.assert_close(squared.eps, released.eps)


@given(t=TIMES, seed=SEEDS, scale=st.floats(0.01, 2))
def test_a_noise_step_is_sigma_squared_times_a_latent_step(t: int, seed: int, scale: float) -> None:
    """Also: the step is the gradient in eps, by the chain rule."""
    z, draw = normal(seed), drawn(t, seed + 99)
    noise, _ = NoiseFPR(1, scale)(guided(), z, Y, draw)
    sigma = WORLD.schedule.sigma(draw.t)
    latent, _ = FPR(1, scale * float(sigma) ** 2)(guided(), z, Y, draw)
    torch.testing.assert_close(noise.eps, latent.eps)
    eps = draw.eps.clone().requires_grad_()
    s = WORLD.schedule
    z_t = s.alpha(draw.t) * z + sigma * eps
    z_0t = (z_t - sigma * guided()(z_t, Y, draw.t)) / s.alpha(draw.t)
    (gradient,) = torch.autograd.grad(norm(z - z_0t).sum(), eps)
    torch.testing.assert_close(noise.eps, draw.eps - scale * gradient)


@given(t=TIMES, seed=SEEDS, probe=st.floats(1e-3, 0.5))
def test_finite_differences_are_exact_for_a_linear_score(t: int, seed: int, probe: float) -> None:
    z, draw = normal(seed), drawn(t, seed + 99)
    ours, logs = FiniteDifferenceFPR(3, 0.2, probe, cosine=True)(guided(), z, Y, draw)
    exact, expected = FPR(3, 0.2)(guided(), z, Y, draw)
    torch.testing.assert_close(ours.eps, exact.eps, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(logs["fpr_residual"], expected["fpr_residual"])
    torch.testing.assert_close(logs["fpr_cosine"], torch.ones(1, 3).double())
    assert "fpr_cosine" not in FiniteDifferenceFPR(3, 0.2, probe)(guided(), z, Y, draw)[1]


@given(t=TIMES, seed=SEEDS, n=st.integers(1, 5), rho=st.floats(0.01, 1))
def test_polyak_stays_in_its_ball(t: int, seed: int, n: int, rho: float) -> None:
    z, draw = normal(seed, 2), drawn(t, seed + 99, rows=2)
    refined, _ = PolyakFPR(n, rho)(guided(rows=2), z, WORLD.prompt(["a", "b"]), draw)
    moved = norm(refined.eps - draw.eps) / z[0].numel() ** 0.5
    assert (moved <= rho * (1 + 1e-9)).all()


def test_polyak_without_a_bound_reaches_the_fixed_point_in_one_step() -> None:
    """In the Gaussian world the residual is proportional to the distance from the fixed point.
    Further steps stay at it.
    """
    for n in (1, 3):
        anchor = Refined(DDS(), PolyakFPR(n, 100.0)).anchor(guided(), normal(1), Y, drawn(500, 2))
        assert anchor.logs["fpr_residual_after"] < 1e-9
        torch.testing.assert_close(anchor.reference, anchor.draw.eps)  # eps_phi(z_t*) = eps*


def test_lag1_and_kurtosis_detect_coloured_and_heavy_tailed_noise() -> None:
    noise = torch.randn(2, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    assert (lag1(noise).abs() < 0.02).all()
    assert (kurtosis(noise) - 3).abs().max() < 0.1
    blurred = torch.nn.functional.avg_pool2d(noise, 3, 1, 1)
    torch.testing.assert_close(lag1(blurred), torch.full((2,), 2 / 3), atol=0.05, rtol=0)
    assert (kurtosis(noise**3) > 10).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PolyakFPR(1, 0.0), "rho"),
        (lambda: PolyakFPR(-1), "n_iters"),
        (lambda: SquaredFPR(1, -1.0), "scale"),
        (lambda: NoiseFPR(-1), "n_iters"),
        (lambda: FiniteDifferenceFPR(1, 1.0, 0.0), "probe"),
    ],
)
def test_invalid_values_are_refused(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]
