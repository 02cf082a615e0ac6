"""Inversion and sampling: what is reconstructed, and at what cost."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recorded_sd import SD, case, check_rows, edited, normal
from torch import Tensor

from ids.backbones import GaussianWorld
from ids.core.edit import EditContext, Editor
from ids.core.errors import ConfigError
from ids.core.rng import Streams
from ids.diffusion.ddim import evenly, leading
from ids.diffusion.schedule import scaled_linear_vp
from ids.editing import MeteredBackbone
from ids.methods import DDIMInversion, Reconstruction, SDEdit
from ids.methods.inversion import InversionRequest

WORLD = GaussianWorld(scaled_linear_vp(torch.float64))


def test_sampling_inverts_inversion_to_first_order() -> None:
    """In the Gaussian world: twice the steps, half the error."""
    z = normal(1, 0, 3, (8, 8))
    errors = [
        float((edited(Reconstruction(DDIMInversion(n)), z, [case("a")], WORLD) - z).norm())
        for n in (25, 50, 100, 200)
    ]
    orders = [math.log2(one / two) for one, two in pairwise(errors)]
    assert all(0.8 < order < 1.3 for order in orders), orders


def inverted(inversion: DDIMInversion, text: str) -> Mapping[int, Tensor]:
    request = InversionRequest(SD.prompt([text]), SD.prompt([""]), 1.0, [801])
    return inversion(EditContext(SD, Streams(("a",))), normal(1, 0), request).states


def test_the_empty_prompt_inverts_without_the_source_prompt() -> None:
    inversion = DDIMInversion(5, prompt="empty")
    unprompted, empty, prompted = (
        inverted(i, text)
        for i, text in ((inversion, "source"), (DDIMInversion(5), ""), (DDIMInversion(5), "source"))
    )
    assert set(unprompted) == {0, 801}  # states that are not wanted are not kept
    assert torch.equal(unprompted[801], empty[801])
    assert not torch.equal(unprompted[801], prompted[801])


@given(n=st.integers(1, 999), offset=st.integers(0, 1))
def test_the_grid_equals_diffusers(n: int, offset: int) -> None:
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(steps_offset=offset)
    scheduler.set_timesteps(n)
    theirs = scheduler.timesteps.tolist()
    if theirs[0] > 999 or 1000 // n * n < 850:  # out of the schedule, or far from its end
        with pytest.raises(ConfigError, match="spans the 1000"):
            leading(n, 1000, offset)
    else:
        assert leading(n, 1000, offset) == [*theirs, 0]
    assert evenly(n, 1000)[0] == 999


@pytest.mark.parametrize("edit", [Reconstruction(DDIMInversion(6)), SDEdit(0.5, 10)])
def test_rows_are_independent_of_the_batch(edit: Editor) -> None:
    check_rows(edit, [case("a"), case("b", "target", "source"), case("c")])


def test_nfe() -> None:
    """Inversion without guidance; SDEdit samples its share of the steps only."""
    for edit, forwards in ((Reconstruction(DDIMInversion(6)), 12), (SDEdit(0.5, 10), 2 * 5)):
        metered = MeteredBackbone(SD)
        edited(edit, normal(1, 1), [case("a")], metered)
        assert metered.nfe.forwards == forwards


@given(seed=st.integers(0, 9))
def test_sdedit_preserves_less_with_more_strength(seed: int) -> None:
    """Under one seed, the results of two sources are closer for more noise."""
    one, other = normal(1, 1, 3, (4, 4)), normal(1, 2, 3, (4, 4))
    apart = [
        float(
            (
                edited(SDEdit(s, 20, guidance_scale=1.0), one, [case("a")], WORLD, seed)
                - edited(SDEdit(s, 20, guidance_scale=1.0), other, [case("a")], WORLD, seed)
            ).norm()
        )
        for s in (0.1, 0.4, 0.7, 1.0)
    ]
    assert apart == sorted(apart, reverse=True)
    assert apart[-1] < 0.1 * apart[0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SDEdit(0.0), "strength"),
        (lambda: SDEdit(offset=-5), "method.offset"),
        (lambda: SDEdit(n_steps=1), "method.n_steps: expected 2 or more"),
        (lambda: SDEdit(0.01, 50), "n_steps: expected enough"),
        (lambda: DDIMInversion(0), "n_steps"),
        (lambda: DDIMInversion(offset=2), "offset"),
    ],
)
def test_invalid_values_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
