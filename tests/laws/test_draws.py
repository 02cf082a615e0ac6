"""Other draws than independent ones: a bank that is used again and again, and descending t."""

from dataclasses import dataclass, replace

import pytest
import torch
from anchor_edits import IMAGES, DoubleWorld, edited, editor, targets
from hypothesis import given, settings
from hypothesis import strategies as st
from pixels import Pixels, PixelSpace

from ids.core.edit import EditContext, Representation, Silent, inline
from ids.core.errors import ConfigError
from ids.core.protocols import DrawSource
from ids.core.records import Draw
from ids.core.rng import Streams
from ids.core.tensors import Latent
from ids.diffusion import Bank, Descending, Uniform
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import StateRecorder
from ids.editing.ahead import Ahead
from ids.methods import DDS, FPR
from ids.representations import LatentSpace
from ids.run.anchor_cache import MemoryCache
from ids.run.costs import estimated_nfe

REFINED = editor(fpr=FPR(2, 0.1), n_steps=7)  # source half 6 F and 4 G, target half 2 F
STREAMS = Streams(("a", "b"))
Z = torch.zeros(2, 3, 4, 4)


@dataclass(frozen=True)
class Repeated:
    """The draws of a bank, with nothing remembered."""

    size: int

    def draw(self, z_src: Latent, rng: Streams) -> Draw:
        return Uniform().draw(z_src, rng.at(rng.step % self.size))


@pytest.mark.parametrize("representation", [LatentSpace(), PixelSpace()])
@pytest.mark.parametrize("size", [7, 9])
def test_a_bank_of_as_many_draws_as_steps_is_independent_draws(
    size: int, representation: Representation
) -> None:
    """Bit by bit, for the same evaluations."""
    plain, curves, cost = edited(REFINED, IMAGES, representation=representation)
    banked = replace(REFINED, timesteps=Bank(size=size))
    found, others, same = edited(banked, IMAGES, representation=representation)
    assert torch.equal(found, plain)
    assert all(torch.equal(others[name], curves[name]) for name in curves)
    assert same == cost


@settings(max_examples=8, deadline=None)
@given(
    size=st.integers(1, 8),
    n_steps=st.integers(1, 9),
    ahead=st.integers(0, 9),
    n_prompts=st.integers(1, 3),
    cached=st.booleans(),
)
def test_what_a_bank_remembers_is_what_its_draws_give(
    size: int, n_steps: int, ahead: int, n_prompts: int, cached: bool
) -> None:
    """The edit is that of repeated draws, and each draw's source half is evaluated once."""
    cases, world = targets(n_prompts), DoubleWorld()
    banked = replace(REFINED, timesteps=Bank(size=size), n_steps=n_steps)
    plain, curves, _ = edited(replace(banked, timesteps=Repeated(size)), cases, backbone=world)
    anchors = Ahead(ahead, MemoryCache(10**9) if cached else None) if ahead else inline
    found, others, nfe = edited(banked, cases, anchors, world)
    torch.testing.assert_close(found, plain, atol=1e-12, rtol=1e-12)
    assert torch.equal(others["t"], curves["t"])
    sources = min(size, n_steps) * (1 if ahead else n_prompts)
    assert nfe.forwards == 6 * sources + 2 * n_steps * n_prompts
    assert nfe.backwards == 4 * sources


def test_the_views_of_a_bank_are_those_of_its_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The target is seen from where the source of the draw was seen."""
    seen, view = [], Pixels.view
    monkeypatch.setattr(Pixels, "view", lambda s, rng: seen.append(rng.step) or view(s, rng))
    edited(replace(REFINED, timesteps=Bank(size=2)), IMAGES[:1], representation=PixelSpace())
    assert set(seen) == {0, 1}


def test_kept_source_halves_belong_to_a_draw_not_to_a_step() -> None:
    """Banks of other sizes and edits of other step sizes share them."""
    anchors = Ahead(8, MemoryCache(10**9))
    edited(replace(REFINED, timesteps=Bank(size=3)), IMAGES[:1], anchors)
    larger = replace(REFINED, timesteps=Bank(size=5), grad_scale=2.0)
    found, _, nfe = edited(larger, IMAGES[:1], anchors)
    assert (nfe.forwards, nfe.backwards) == (2 * 6 + 7 * 2, 2 * 4)
    plain, _, _ = edited(larger, IMAGES[:1])
    torch.testing.assert_close(found, plain, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("fpr", [None, FPR(2, 0.1)])
def test_the_estimated_cost_of_a_bank_is_the_measured_one(fpr: object) -> None:
    banked = editor(fpr=fpr, n_steps=7, timesteps=Bank(size=3))
    _, _, nfe = edited(banked, IMAGES[:1])
    assert estimated_nfe(banked) == nfe.forwards + nfe.backwards


@given(
    low=st.integers(1, 400),
    width=st.integers(1, 500),
    over=st.integers(2, 60),
    stride=st.sampled_from([1, 2, 7]),
)
def test_descending_timesteps_cover_the_range_evenly(
    low: int, width: int, over: int, stride: int
) -> None:
    low = max(low, stride)
    source = Descending(low, low + width, stride, over)
    grid = range(low, low + width, stride)
    drawn = [source.draw(Z, STREAMS.at(step)) for step in range(2 * over)]
    t = [int(draw.t[0]) for draw in drawn]
    assert all(int(draw.t[1]) == at for draw, at in zip(drawn, t, strict=True))
    assert (t[0], t[over - 1]) == (grid[-1], grid[0])
    assert t[over:] == t[:over]
    assert set(t) <= set(grid)
    even = (len(grid) - 1) / (over - 1)
    for step, at in enumerate(t[:over]):
        assert abs((at - low) / stride - even * (over - 1 - step)) <= 0.5 + 1e-9
    assert all(torch.equal(draw.t_prev, draw.t - stride) for draw in drawn)


def test_descending_and_independent_timesteps_have_the_same_noise() -> None:
    ours, theirs = (source.draw(Z, STREAMS.at(3)) for source in (Descending(), Uniform()))
    assert torch.equal(ours.eps, theirs.eps)


@pytest.mark.parametrize("timesteps", [Bank(size=3), Descending(over=4)])
def test_states_are_edits_of_as_many_steps(timesteps: DrawSource) -> None:
    """Neither follows the number of steps, so that an edit may stop anywhere."""
    whole, world = replace(REFINED, timesteps=timesteps), DoubleWorld()
    assert whole.anytime
    subject = LatentSpace().open(world, IMAGES)
    kept = StateRecorder(Silent(), subject, 1)
    rng = Streams.of(0, [case.source_digest for case in IMAGES])
    whole(EditContext(world, rng, kept), subject)
    for step in range(1, 8):
        stopped, _, _ = edited(replace(whole, n_steps=step), IMAGES, backbone=world)
        assert torch.equal(kept.states()[step], stopped)


def test_one_step_of_three_lambda_goes_three_times_as_far() -> None:
    world, y = DoubleWorld(), DoubleWorld().prompt(["a", "b"])
    draw = Uniform().draw(torch.zeros(2, 3, 8, 8).double(), STREAMS)
    z_src = torch.rand(2, 3, 8, 8).double()

    def moved(scale: float) -> torch.Tensor:
        eps_phi = _Bare(world)
        return FPR(1, scale)(eps_phi, z_src, y, draw)[0].eps - draw.eps

    torch.testing.assert_close(moved(0.3), 3 * moved(0.1))


@dataclass(frozen=True)
class _Bare:
    """A backbone without guidance as a denoiser."""

    world: DoubleWorld

    @property
    def schedule(self) -> object:
        return scaled_linear_vp(torch.float64)

    def __call__(self, z_t: Latent, y: object, t: torch.Tensor) -> Latent:
        return self.world.eps(z_t, y, t)


@pytest.mark.parametrize("kind", [Bank, Descending])
def test_bounds_are_those_of_independent_timesteps(kind: type) -> None:
    with pytest.raises(ValueError, match="expected 1 <= stride <= low < high"):
        kind(low=949)
    with pytest.raises(ConfigError, match=r"method\.timesteps\.high: expected at most 1000"):
        edited(editor(DDS(), timesteps=kind(high=1001)), IMAGES[:1])


def test_sizes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"timesteps\.size: expected 1 or more; got 0"):
        Bank(size=0)
    with pytest.raises(ValueError, match=r"timesteps\.over: expected 2 or more; got 1"):
        Descending(over=1)
