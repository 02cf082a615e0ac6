"""The posterior mean of the source against the timestep, on the exact world."""

from dataclasses import replace

import pytest
import torch

from ids.backbones import Gaussian
from ids.core.edit import EditContext, Silent
from ids.core.errors import ConfigError
from ids.core.records import Trace
from ids.core.rng import Streams
from ids.core.tensors import Latent
from ids.data.shapes import Shapes
from ids.diffusion import Guided
from ids.diffusion.ddim import times_of
from ids.diffusion.schedule import diffuse, predict_z0
from ids.editing import PosteriorMean, StateRecorder
from ids.methods import FPR
from ids.representations import LatentSpace

WORLD = Gaussian().load(torch.device("cpu"))
CASES = [*Shapes(count=2, size=32)]
STREAMS = Streams.of(0, ["a", "b"])
METHOD = PosteriorMean(low=100, stride=400, n_steps=3, guidance_scale=2.0)


def run(method: PosteriorMean, prompt_trg: str = "") -> tuple[Latent, Trace, dict[int, Latent]]:
    cases = [replace(case, prompt_trg=prompt_trg or case.prompt_trg) for case in CASES]
    subject = LatentSpace().open(WORLD, cases)
    recorder = StateRecorder(Silent(), subject, 1)
    trace = method(EditContext(WORLD, STREAMS, recorder), subject)
    return subject.z_src, trace, recorder.states()


def test_states_are_the_posterior_mean_at_each_timestep() -> None:
    z_src, trace, states = run(METHOD)
    y_src, y_null = (WORLD.prompt(texts) for texts in ([c.prompt_src for c in CASES], ["", ""]))
    eps_phi, eps = Guided(WORLD, y_null, 2.0), STREAMS.normal("eps", like=z_src)
    assert list(states) == [0, 1, 2, 3]
    for step, t_value in enumerate((100, 500, 900), start=1):
        t = times_of(t_value, z_src)
        z_t = diffuse(WORLD.schedule, z_src, eps, t)
        z_0 = predict_z0(WORLD.schedule, z_t, eps_phi(z_t, y_src, t), t)
        assert torch.allclose(states[step], z_0)
        gap = (z_0 - z_src).square().mean((1, 2, 3)).sqrt()
        assert torch.allclose(trace.curves["gap"][step - 1], gap)
        assert trace.curves["t"][step - 1].tolist() == [t_value, t_value]
    assert (trace.curves["eps_star_moved"] == 0).all()


def test_refined_noise_closes_the_gap_and_fewer_timesteps_are_the_first_ones() -> None:
    refined = replace(METHOD, fpr=FPR(3, 0.1))
    _, drawn, _ = run(METHOD)
    _, closed, states = run(refined)
    assert (closed.curves["gap"] < drawn.curves["gap"]).all()
    assert (closed.curves["eps_star_moved"] > 0).all()
    _, _, first = run(replace(refined, n_steps=2))
    assert all(torch.equal(states[k], first[k]) for k in first)


def test_the_target_prompt_is_not_used() -> None:
    assert torch.equal(run(METHOD)[2][3], run(METHOD, "a plain red heart")[2][3])


def test_timesteps_beyond_the_schedule_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"method\.n_steps: expected the last timestep below"):
        run(replace(METHOD, n_steps=4))
    with pytest.raises(ValueError, match=r"method\.stride: expected 1 or more; got 0"):
        PosteriorMean(stride=0)
