"""The schedule's three readings, guidance, DDIM."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ids.backbones import GaussianWorld
from ids.core.prompt import Prompt
from ids.core.protocols import Schedule
from ids.diffusion import Flow, Guided, diffuse, predict_eps, predict_z0
from ids.diffusion.ddim import evenly, sample
from ids.diffusion.schedule import scaled_linear_vp

SCHEDULES = [scaled_linear_vp(torch.float64), Flow(dtype=torch.float64)]


@pytest.mark.parametrize("schedule", SCHEDULES)
@given(t=st.integers(1, 990), seed=st.integers(0, 99))
def test_what_was_mixed_can_be_read_back(schedule: Schedule, t: int, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    z, eps = torch.randn(2, 1, 3, 4, 4, dtype=torch.float64, generator=rng).unbind(0)
    at = torch.tensor([t])
    z_t = diffuse(schedule, z, eps, at)
    torch.testing.assert_close(predict_z0(schedule, z_t, eps, at), z)
    torch.testing.assert_close(predict_eps(schedule, z_t, z, at), eps)


def test_the_schedule_is_stable_diffusions() -> None:
    from diffusers import DDPMScheduler

    theirs = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    difference = scaled_linear_vp().alpha_bar - theirs.alphas_cumprod.double()
    assert difference.abs().max() < 1e-6


@given(w=st.floats(-2, 20))
def test_guidance_is_affine_between_the_two_answers(w: float) -> None:
    world = GaussianWorld(scaled_linear_vp(torch.float64))
    z = torch.ones(1, 3, 2, 2, dtype=torch.float64)
    y_null, y, t = Prompt(torch.zeros(1, 3)), Prompt(torch.full((1, 3), 0.5)), torch.tensor([300])
    null, cond = world.eps(z, y_null, t), world.eps(z, y, t)
    torch.testing.assert_close(Guided(world, y_null, w)(z, y, t), null + w * (cond - null))


def test_ddim_turns_noise_into_the_prompts_gaussian() -> None:
    world = GaussianWorld(scaled_linear_vp(), spread=0.3)
    z_T = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    mean = torch.tensor([[0.5, -0.2, 0.0]])
    z = sample(Guided(world, Prompt(mean), 1.0), z_T, Prompt(mean), evenly(200, 1000))
    torch.testing.assert_close(z.mean((2, 3)), mean, atol=0.03, rtol=0)
    assert abs(float(z.std((2, 3)).mean()) - 0.3) < 0.03
