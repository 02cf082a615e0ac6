"""Direct Inversion and InfEdit: what they return to, closed forms, costs."""

from dataclasses import replace

import pytest
import torch
from fake_text_sd import BACKBONE, P2P, A
from fake_text_sd import case as worded
from fake_text_sd import edited as edit_worded
from recorded_sd import SD, case, check_rows, edited, normal

from ids.backbones import GaussianWorld
from ids.core.edit import EditContext
from ids.core.errors import ConfigError
from ids.core.rng import Streams
from ids.diffusion.consistency import consistency_times
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import MeteredBackbone
from ids.methods import DDIMInversion, DirectInversion, InfEdit, Reconstruction
from ids.methods.inversion import InversionRequest
from ids.representations import LatentImage

WORLD = GaussianWorld(scaled_linear_vp(torch.float64))
DIRECT = DirectInversion(5)
SHORT = DirectInversion(2)


@pytest.mark.parametrize("w", [1.0, 7.5])
def test_direct_inversion_returns_the_source_bit_for_bit(w: float) -> None:
    """Plain DDIM inversion is far away at guidance 7.5, and half of the offsets are not enough."""
    z, cases = normal(1, 0), [case("a")]
    assert torch.equal(edited(Reconstruction(DIRECT, w), z, cases), z)
    away = [
        float((edited(Reconstruction(inversion, 7.5), z, cases) - z).norm())
        for inversion in (DDIMInversion(5, 0), replace(DIRECT, share=0.5))
    ]
    assert away[0] > away[1] > 0.1


def test_p2p_with_equal_prompts_returns_the_source() -> None:
    """Only if the target gets the offsets too: alone, its branch is not corrected."""
    z, same = normal(1, 1), [worded("a", A, A)]
    target = replace(P2P, inversion=replace(DIRECT, add_target=True))
    torch.testing.assert_close(edit_worded(target, z, same), z, rtol=0, atol=1e-10)
    alone = edit_worded(replace(P2P, inversion=DIRECT), z, same)
    assert (alone - z).norm() > 0.1


def test_share_0_is_plain_inversion() -> None:
    z, cases = normal(1, 1), [worded("a")]
    plain = edit_worded(replace(P2P, inversion=DDIMInversion(5, 0)), z, cases)
    ours = edit_worded(replace(P2P, inversion=replace(DIRECT, share=0.0)), z, cases)
    torch.testing.assert_close(ours, plain, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("inversion", "cost"),
    [
        (SHORT, 2 * (1 + 4)),
        (replace(SHORT, guidance_scale=2.5), 2 * (2 + 4)),
        (replace(SHORT, add_target=True), 2 * (1 + 2 + 4)),
    ],
)
def test_cost_of_direct_inversion(inversion: DirectInversion, cost: int) -> None:
    """The offsets of the source cost nothing."""
    metered = MeteredBackbone(BACKBONE)
    edit_worded(replace(P2P, inversion=inversion), normal(1, 1), [worded("a")], backbone=metered)
    assert metered.nfe.forwards == cost


def test_rows_of_direct_inversion_are_independent() -> None:
    edit = replace(P2P, inversion=replace(SHORT, share=0.7, add_target=True))
    z, cases = normal(2, 2), [worded("a"), worded("b", target=A)]
    together = edit_worded(edit, z, cases)
    for row in range(2):
        alone = edit_worded(edit, z[row : row + 1], cases[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-9, atol=1e-10)


def test_values_that_it_cannot_take_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^inversion\.add_target: expected false"):
        Reconstruction(replace(DIRECT, add_target=True))
    request = InversionRequest(SD.prompt(["source"]), SD.prompt([""]), 1.0, ())
    with pytest.raises(ConfigError, match=r"inversion\.add_target: expected false"):
        replace(DIRECT, add_target=True)(EditContext(SD, Streams(("a",))), normal(1, 0), request)
    for values in ({"share": 1.5}, {"every": 0}):
        with pytest.raises(ValueError, match=f"inversion.{next(iter(values))}: expected"):
            replace(DIRECT, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_infedit_with_equal_prompts_returns_the_source(eta: float) -> None:
    """At equal guidance scales; at others, equal prompts have different predictions."""
    z, same = normal(1, 0), [case("a", "source", "source")]
    edit = InfEdit(6, eta=eta, guidance_scale=2.0, source_guidance_scale=2.0)
    torch.testing.assert_close(edited(edit, z, same), z, rtol=0, atol=1e-10)
    assert (edited(replace(edit, source_guidance_scale=1.0), z, same) - z).norm() > 0.1


@pytest.mark.parametrize(("start", "strength"), [("noise", 1.0), ("source", 0.5)])
def test_infedit_translates(start: str, strength: float) -> None:
    """In the Gaussian world at eta 1 the rest of the way is multiplied by alpha^2 spread^2 /
    (alpha^2 spread^2 + sigma^2) in each step, whatever the noise.
    """
    z, w = normal(1, 0, 3, (4, 4)), 3.0
    edit = InfEdit(8, guidance_scale=w, start=start, strength=strength)  # type: ignore[arg-type]
    null, src, trg = WORLD.prompt(["", "source", "target"]).embedding.double()
    times = torch.tensor(list(edit.times(WORLD.schedule)))
    alpha, sigma = WORLD.schedule.alpha(times), WORLD.schedule.sigma(times)
    kept = (alpha * WORLD.spread) ** 2 / ((alpha * WORLD.spread) ** 2 + sigma**2)
    whole = null + w * (trg - null) - src
    expected = z + (1 - kept.prod()) * whole.view(1, 3, 1, 1)
    for seed in (0, 1):
        found = edited(edit, z, [case("a")], WORLD, seed)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("edit", "cost"),
    [
        (InfEdit(6), 3),
        (InfEdit(6, source_guidance_scale=2.0), 4),
        (InfEdit(6, eta=0.5), 4),
        (InfEdit(6, eta=0.5, source_guidance_scale=2.0), 6),
        (InfEdit(6, guidance_scale=1.0, source_guidance_scale=2.0), 2),
    ],
)
def test_cost_of_infedit(edit: InfEdit, cost: int) -> None:
    metered = MeteredBackbone(SD)
    z = normal(1, 0)
    edit(EditContext(metered, Streams(("a",))), LatentImage(z, [case("a")], SD.decode))
    assert metered.nfe.forwards == edit.n_ticks * cost


def test_rows_of_infedit_are_independent() -> None:
    check_rows(InfEdit(3, eta=0.5), [case("a"), case("b"), case("c", target="source")])


def test_the_grid_of_infedit_equals_diffusers() -> None:
    from diffusers import LCMScheduler

    for n, original in ((1, 50), (4, 50), (7, 50), (12, 50), (13, 20), (50, 50)):
        scheduler = LCMScheduler(original_inference_steps=original)
        scheduler.set_timesteps(n)
        assert list(consistency_times(n, original, 1000)) == scheduler.timesteps.tolist()


@pytest.mark.parametrize(
    "values",
    [
        {"n_steps": 0},
        {"n_steps": 60},
        {"eta": 1.5},
        {"strength": 0.5},
        {"strength": 0.01, "start": "source"},
    ],
)
def test_infedit_refuses_values_out_of_range(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^method\.\w+: expected"):
        InfEdit(**values)  # type: ignore[arg-type]
