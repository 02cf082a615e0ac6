"""Schedules, guidance, DDIM."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ids.backbones import GaussianWorld
from ids.core.prompt import Prompt
from ids.core.protocols import Schedule
from ids.core.records import Draw
from ids.core.rng import Streams
from ids.diffusion import Flow, Guided, diffuse, noised, predict_eps, predict_z0
from ids.diffusion.caching import CachedDenoiser
from ids.diffusion.ddim import evenly, sample
from ids.diffusion.schedule import scaled_linear_vp

VP64 = scaled_linear_vp(torch.float64)
SCHEDULES = [VP64, *(Flow(dtype=torch.float64, shift=shift) for shift in (1.0, 3.0))]


@pytest.mark.parametrize("schedule", SCHEDULES)
@given(t=st.integers(1, 990), seed=st.integers(0, 99))
def test_predictions_invert_diffuse(schedule: Schedule, t: int, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    z, eps = torch.randn(2, 1, 3, 4, 4, dtype=torch.float64, generator=rng).unbind(0)
    at = torch.tensor([t])
    z_t = diffuse(schedule, z, eps, at)
    torch.testing.assert_close(predict_z0(schedule, z_t, eps, at), z)
    torch.testing.assert_close(predict_eps(schedule, z_t, z, at), eps)


@given(t=st.floats(0, 1000), shift=st.floats(0.2, 10))
def test_a_flow_takes_real_timesteps_and_a_shift(t: float, shift: float) -> None:
    """alpha / sigma is divided by the shift s; clean stays clean, noise stays noise, and the shift
    1 / s inverts it.
    """
    plain, shifted = (Flow(dtype=torch.float64, shift=s) for s in (1.0, shift))
    at = torch.tensor([0.0, t, 1000.0], dtype=torch.float64)
    sigma, alpha = shifted.sigma(at), shifted.alpha(at)
    torch.testing.assert_close(sigma.flatten()[[0, 2]], torch.tensor([0, 1]).double())
    torch.testing.assert_close(shift * alpha * plain.sigma(at), plain.alpha(at) * sigma)
    back = Flow(dtype=torch.float64, shift=1 / shift)
    torch.testing.assert_close(back.sigma(1000 * sigma.flatten()), plain.sigma(at))


def test_the_shift_equals_diffusers() -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler

    theirs = FlowMatchEulerDiscreteScheduler(shift=3.0)
    plain = torch.arange(1000, 0, -1)
    torch.testing.assert_close(Flow(shift=3.0).sigma(plain).flatten(), theirs.sigmas)


def test_invalid_timesteps_and_shifts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"VP: expected integer timesteps; got torch.float32"):
        VP64.alpha(torch.tensor([500.0]))
    with pytest.raises(ValueError, match=r"Flow.shift: expected more than 0; got 0.0"):
        Flow(shift=0.0)


def test_the_schedule_is_stable_diffusions() -> None:
    from diffusers import DDPMScheduler

    theirs = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    difference = scaled_linear_vp().alpha_bar - theirs.alphas_cumprod.double()
    assert difference.abs().max() < 1e-6


@given(w=st.floats(-2, 20))
def test_guidance_is_affine_in_the_two_predictions(w: float) -> None:
    world = GaussianWorld(scaled_linear_vp(torch.float64))
    z = torch.ones(1, 3, 2, 2, dtype=torch.float64)
    y_null, y, t = Prompt(torch.zeros(1, 3)), Prompt(torch.full((1, 3), 0.5)), torch.tensor([300])
    null, cond = world.eps(z, y_null, t), world.eps(z, y, t)
    torch.testing.assert_close(Guided(world, y_null, w)(z, y, t), null + w * (cond - null))


def test_ddim_samples_the_gaussian_of_the_prompt() -> None:
    world = GaussianWorld(scaled_linear_vp(), spread=0.3)
    z_T = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    mean = torch.tensor([[0.5, -0.2, 0.0]])
    z = sample(Guided(world, Prompt(mean), 1.0), z_T, Prompt(mean), evenly(200, 1000))
    torch.testing.assert_close(z.mean((2, 3)), mean, atol=0.03, rtol=0)
    assert abs(float(z.std((2, 3)).mean()) - 0.3) < 0.03


@torch.inference_mode()
def test_latents_of_inference_mode_share_nothing() -> None:
    """torch does not count their changes."""
    world, z = GaussianWorld(VP64), torch.randn(1, 3, 4, 4).double()
    draw = Draw(torch.tensor([300]), torch.randn_like(z), Streams(("a",)))
    eps_phi = CachedDenoiser.of(Guided(world, world.prompt([""]), 1.0))
    first = noised(eps_phi, z, draw)
    assert eps_phi(first, world.prompt(["a"]), draw.t).shape == z.shape
    assert not torch.equal(noised(eps_phi, z.add_(1), draw), first)
