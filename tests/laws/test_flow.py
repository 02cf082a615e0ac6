"""Theorems of FlowEdit and DVRF on the Gaussian world, with both schedules."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ids.backbones import GaussianWorld
from ids.core.edit import EditContext, Editor
from ids.core.errors import ConfigError
from ids.core.prompt import Prompt
from ids.core.protocols import Schedule
from ids.core.records import Draw, EditCase
from ids.core.rng import Streams
from ids.data import Shapes
from ids.diffusion import Flow, Guided
from ids.diffusion.schedule import scaled_linear_vp
from ids.diffusion.velocity import flow_grid, mix, noise_level, velocity
from ids.editing import NFE, MeteredBackbone
from ids.methods import DDS, DVRF, FlowEdit
from ids.representations import LatentImage

DOUBLE = torch.float64
SCHEDULES = [scaled_linear_vp(DOUBLE), Flow(dtype=DOUBLE, shift=3.0)]
BOTH = pytest.mark.parametrize("schedule", SCHEDULES, ids=["vp", "flow"])
BELOW_NOISE = 999  # a noise prediction gives no velocity of pure noise
FREE = {"source_guidance_scale": 1.0, "guidance_scale": 1.0, "t_max": BELOW_NOISE}


def case(name: str, source: str = "source", target: str = "target") -> EditCase:
    return EditCase(name, Shapes(count=1)[0].source, source, target)


def latents(rows: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, 3, 4, 4, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


def edited(
    world: Any, editor: Editor, z: Tensor, cases: Sequence[EditCase], seed: int = 0
) -> Tensor:
    subject = LatentImage(z, cases, world.decode)
    editor(EditContext(world, Streams.of(seed, [c.id for c in cases])), subject)
    return subject.z_trg.detach()


def shift_of(world: GaussianWorld, w_src: float = 1.0, w_trg: float = 1.0) -> Tensor:
    """The difference of the guided means, [1, 3, 1, 1]."""
    means = world.prompt(["", "source", "target"]).embedding.double()
    null, src, trg = means
    guided = [null + w * (mean - null) for w, mean in ((w_src, src), (w_trg, trg))]
    return (guided[1] - guided[0]).view(1, 3, 1, 1)


@BOTH
@pytest.mark.parametrize("weights", [(1.0, 1.0), (2.0, 3.0)])
@pytest.mark.parametrize("n_max", [100, 40])
def test_flowedit_translates_by_a_share_of_the_difference(
    schedule: Schedule, weights: tuple[float, float], n_max: int
) -> None:
    """Both flows of the Gaussian are z(tau) = (1 - tau) mu + s(tau) xi with s^2 = (1 - tau)^2
    spread^2 + tau^2: from level tau on they part by 1 - spread (1 - tau) / s(tau) of the means'
    distance, whatever the noise. Euler's error falls with the step.
    """
    world, z = GaussianWorld(schedule), latents(2)
    editor = FlowEdit(100, n_max, 0, 1, *weights, t_max=BELOW_NOISE)
    got = edited(world, editor, z, [case("a"), case("b")]) - z
    again = edited(world, replace(editor, n_draws=2), z, [case("a"), case("b")], seed=1) - z
    torch.testing.assert_close(got, again, atol=1e-10, rtol=0)
    tau = float(flow_grid(schedule, 100, BELOW_NOISE, z.device).levels[100 - n_max])
    spread = ((1 - tau) ** 2 * world.spread**2 + tau**2) ** 0.5
    share = 1 - world.spread * (1 - tau) / spread
    expected = (share * shift_of(world, *weights)).expand_as(z)
    tolerance = 0.03 * float(expected.abs().max())
    torch.testing.assert_close(got, expected, atol=tolerance, rtol=0)
    assert expected.abs().max() > 0.3


@BOTH
@pytest.mark.parametrize(
    "editor",
    [
        FlowEdit(10, 8, **FREE),
        FlowEdit(10, 8, 0, 2, 3.0, 3.0, BELOW_NOISE),
        DVRF(5, 10, **FREE),
        DVRF(5, 10, "random", 0.1, 0.5, 2, 4.0, 4.0, BELOW_NOISE),
    ],
)
def test_a_null_edit_changes_nothing(schedule: Schedule, editor: Editor) -> None:
    z = latents(2)
    same = [case("a", "same", "same"), case("b", "same", "same")]
    torch.testing.assert_close(edited(GaussianWorld(schedule), editor, z, same), z)


@BOTH
@pytest.mark.parametrize("order", ["descending", "random"])
def test_dvrf_without_shift_is_dds_over_one_minus_the_level(schedule: Schedule, order: Any) -> None:
    world, z, cases = GaussianWorld(schedule), latents(1), [case("a")]
    editor = DVRF(4, 12, order, 0.05, 0.0, 1, 2.0, 5.0, BELOW_NOISE)
    y = EditContext(world, Streams.of(0, ["a"])).prompts(cases, "")
    source, target = Guided(world, y.null, 2.0), Guided(world, y.null, 5.0)
    grid, expected = flow_grid(schedule, 12, BELOW_NOISE, z.device), z
    for step in range(8, 12) if order == "descending" else range(4):
        rng = Streams.of(0, ["a"]).at(step)
        place = step if order == "descending" else int(rng.integers("t", 2, 11))
        draw = Draw(grid.t[place : place + 1], rng.normal("eps", z), rng)
        g = DDS().grad(target, expected, y.trg, DDS().anchor(source, z, y.src, draw))
        expected = expected - 0.05 * g / (1 - noise_level(schedule, draw.t))
    torch.testing.assert_close(edited(world, editor, z, cases), expected, atol=1e-10, rtol=0)


@BOTH
def test_dvrf_with_full_shift_follows_flowedit(schedule: Schedule) -> None:
    """At eta_i = 1 its states are those of FlowEdit, so that equal steps make equal edits."""
    world, z, cases = GaussianWorld(schedule), latents(1), [case("a")]
    last = edited(world, FlowEdit(10, 1, **FREE), z, cases)
    grid = flow_grid(schedule, 10, BELOW_NOISE, z.device)
    lr = float(-grid.stride(9))
    descent = DVRF(1, 10, lr=lr, eta=10 / 9, **FREE)  # eta_i = eta 9 / 10
    torch.testing.assert_close(edited(world, descent, z, cases), last, atol=1e-12, rtol=0)


@pytest.mark.parametrize("w", [1.0, 3.0])
def test_what_a_step_costs(world: GaussianWorld, w: float) -> None:
    """Per row and draw four forwards, two without guidance; half of it in the last phase."""
    rows, per_call = 2, 1 if w == 1 else 2
    for editor, calls in (
        (FlowEdit(10, 7, 2, 3, w, w), 5 * 3 * 2 + 2),
        (FlowEdit(10, 10, 10, 3, w, w), 10),
        (DVRF(4, 10, n_draws=3, source_guidance_scale=w, guidance_scale=w), 4 * 3 * 2),
    ):
        nfe = NFE()
        metered = MeteredBackbone(world, nfe)
        edited(metered, editor, latents(rows).float(), [case("a"), case("b")])
        assert (nfe.forwards, nfe.backwards) == (rows * calls * per_call, 0)


@BOTH
@pytest.mark.parametrize("editor", [FlowEdit(6, 5, 2, 2), DVRF(4, 8, "random", n_draws=2)])
def test_rows_do_not_depend_on_each_other(schedule: Schedule, editor: Any) -> None:
    world, z, cases = GaussianWorld(schedule), latents(2), [case("a"), case("b", target="other")]
    editor = replace(editor, t_max=BELOW_NOISE)
    together = edited(world, editor, z, cases)
    for row in range(2):
        alone = edited(world, editor, z[row : row + 1], cases[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-12, rtol=0)


@BOTH
def test_the_velocity_of_a_noise_prediction_is_that_of_the_mixture(schedule: Schedule) -> None:
    """v = E[eps - z_0 | z] of the mixture (1 - tau) z_0 + tau eps of Gaussians."""
    world, z, t = GaussianWorld(schedule), latents(3), torch.tensor([20, 500, 980])
    y = Prompt(torch.randn(3, 3, dtype=DOUBLE))
    tau, mean, var = noise_level(schedule, t), y.embedding.view(3, 3, 1, 1), world.spread**2
    weight = (tau - (1 - tau) * var) / ((1 - tau) ** 2 * var + tau**2)
    expected = weight * (z - (1 - tau) * mean) - mean
    torch.testing.assert_close(velocity(world, z, y, t), expected, atol=1e-9, rtol=0)


@dataclass(frozen=True)
class WithVelocity:
    """A Gaussian world that has a velocity, and counts how often it is evaluated."""

    world: GaussianWorld
    calls: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world, name)

    def velocity(self, z_t: Tensor, y: Prompt, t: Tensor) -> Tensor:
        self.calls.append(len(z_t))
        return velocity(self.world, z_t, y, t)


def test_a_velocity_is_used_where_a_backbone_has_it() -> None:
    world, z, cases = GaussianWorld(SCHEDULES[1]), latents(1), [case("a")]
    native = WithVelocity(world)
    nfe = NFE()
    got = edited(MeteredBackbone(native, nfe), FlowEdit(4, 3, t_max=900), z, cases)  # type: ignore[arg-type]
    torch.testing.assert_close(got, edited(world, FlowEdit(4, 3, t_max=900), z, cases))
    assert native.calls == [2] * 6
    assert nfe.forwards == 12


@pytest.mark.parametrize("shift", [1.0, 3.0, 2.5])
@pytest.mark.parametrize("n_steps", [1, 8, 28, 50])
def test_the_grid_is_that_of_diffusers(shift: float, n_steps: int) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler

    theirs = FlowMatchEulerDiscreteScheduler(shift=shift)
    theirs.set_timesteps(n_steps)
    schedule = Flow(dtype=DOUBLE, shift=shift)
    grid = flow_grid(schedule, n_steps, None, torch.device("cpu"))
    assert torch.equal(grid.sigmas, theirs.sigmas[:-1].double())
    assert torch.equal(grid.levels[:-1], theirs.timesteps.double() / 1000)
    levels = schedule.sigma(grid.t).flatten()
    torch.testing.assert_close(levels, grid.levels[:-1], rtol=1e-14, atol=0)


@BOTH
def test_the_grid_begins_at_the_given_timestep(schedule: Schedule) -> None:
    device = torch.device("cpu")
    grid = flow_grid(schedule, 10, 600, device)
    assert float(grid.t[0]) == pytest.approx(600, abs=1e-3)
    assert grid.levels.diff().max() < 0
    assert grid.levels[-1] == 0
    torch.testing.assert_close(noise_level(schedule, grid.t).flatten(), grid.levels[:-1])
    for t_max in (0, 1001):
        with pytest.raises(ConfigError, match=r"method\.t_max: expected 1 to"):
            flow_grid(schedule, 10, t_max, device)


@pytest.mark.parametrize("editor", [FlowEdit(4, 4), DVRF(4, 4)], ids=["flowedit", "dvrf"])
def test_pure_noise_is_refused_where_noise_alone_is_predicted(editor: Any) -> None:
    """On a flow schedule, whose noisiest timestep is pure noise; the next one and fewer steps of
    the same grid are not.
    """
    world, z = GaussianWorld(SCHEDULES[1]), latents(1)
    with pytest.raises(ConfigError, match=r"method\.t_max: expected less than 1000.*t_max=999"):
        edited(world, editor, z, [case("a")])
    fewer = {"n_max": 3} if isinstance(editor, FlowEdit) else {"n_steps": 3}
    for possible in (replace(editor, t_max=999), replace(editor, **fewer)):
        assert edited(world, possible, z, [case("a")]).isfinite().all()


def test_mixtures_end_in_source_and_noise() -> None:
    z, eps = latents(1, 1), latents(1, 2)
    assert torch.equal(mix(torch.tensor(0.0), z, eps), z)
    assert torch.equal(mix(torch.tensor(1.0), z, eps), eps)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: FlowEdit(n_max=60), "method.n_max: expected 1 to n_steps"),
        (lambda: FlowEdit(n_max=0), "method.n_max: expected 1 to"),
        (lambda: FlowEdit(n_min=34), "n_min of 0 to n_max"),
        (lambda: FlowEdit(n_draws=0), "method.n_draws: expected 1 or more"),
        (lambda: DVRF(n_steps=1, grid_size=1), "method.grid_size: expected 2 or more"),
        (lambda: DVRF(n_steps=1, grid_size=3, order="random"), "expected 4 or more in random"),
        (lambda: DVRF(n_steps=51), "method.grid_size: expected 51 or more"),
        (lambda: DVRF(n_steps=0), "method.n_steps: expected 1 or more"),
        (lambda: DVRF(lr=0.0), "method.lr: expected custom"),
    ],
)
def test_values_that_no_editor_has(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
