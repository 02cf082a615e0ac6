"""Null-text inversion: what the fitted null prompts reconstruct, and at what cost."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
import torch
from recorded_sd import SD, case, edited, normal
from torch import Tensor

from ids.core.prompt import Prompt
from ids.editing import MeteredBackbone
from ids.methods import DDIMInversion, NullTextInversion, PromptToPrompt, Reconstruction
from ids.methods.inversion.null_text import GuidedStep


def test_null_text_reconstructs_under_guidance() -> None:
    z, cases = normal(2, 3), [case("a"), case("b")]
    errors = {
        name: (edited(Reconstruction(inversion, 7.5), z, cases) - z).flatten(1).norm(dim=1)
        for name, inversion in {
            "ddim": DDIMInversion(4, 0),
            "null text": NullTextInversion(4, n_inner=5, lr=0.1),
        }.items()
    }
    assert (errors["null text"] < 0.9 * errors["ddim"]).all()


def test_converged_rows_stop_individually() -> None:
    """Each row ends as it would alone, though the rows need different numbers of inner steps."""
    z, cases = normal(2, 3), [case("a"), case("b", "target", "source")]
    z[0] *= 0.02
    edit = Reconstruction(NullTextInversion(4, n_inner=6, tolerance=12.0), 7.5)
    shared, costs = MeteredBackbone(SD), []
    together = edited(edit, z, cases, shared)
    for row in range(2):
        metered = MeteredBackbone(SD)
        alone = edited(edit, z[row : row + 1], cases[row : row + 1], metered)
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-7, atol=1e-8)
        costs.append(metered.nfe.backwards)
    assert len(set(costs)) == 2
    assert shared.nfe.backwards == sum(costs)  # no row costs another


@dataclass(frozen=True)
class Straight:
    """A world in which a sampling step of guidance scale 0 takes z to z + slope * mean(y_null)."""

    slope: float = 1.0
    rows: list[int] = field(default_factory=list)  # of each pass
    n_timesteps = 1000

    @property
    def schedule(self) -> "Straight":
        return self

    def alpha(self, t: Tensor) -> Tensor:
        return torch.ones(len(t), 1, 1, 1)

    def sigma(self, t: Tensor) -> Tensor:
        return (t > 0).float().view(-1, 1, 1, 1)

    def eps(self, z_t: Tensor, y: Prompt, t: Tensor) -> Tensor:
        self.rows.append(len(y))
        return -self.slope * y.embedding.mean((1, 2)).view(-1, 1, 1, 1).expand_as(z_t)

    def encode(self, x: Tensor) -> Tensor: ...
    def decode(self, z: Tensor) -> Tensor: ...
    def prompt(self, texts: list[str]) -> Prompt: ...


def fitted(world: Straight, away: list[float], step: int, **values: int) -> Tensor:
    """Null prompts, fitted from 0, of rows that are `away` from their goal 0."""
    z = torch.tensor(away).view(-1, 1, 1, 1).expand(-1, 4, 8, 8)
    down = GuidedStep(world, 0.0, z, torch.zeros_like(z), 500, 0)
    y_null = Prompt(torch.zeros(len(z), 3, 2))
    return NullTextInversion(**values).fit(down, y_null, torch.zeros_like(z), step).embedding


def test_the_released_schedule_of_a_fit() -> None:
    """lr (1 - i / 100), and an end below 1e-5 + 2e-5 i: Adam's first step has the length lr, and a
    loss of 2e-5 is too much in step 0 and enough in step 1.
    """
    for step, inner in (0, 10), (1, 1), (40, 1):
        world = Straight(slope=0.0)
        fitted(world, [2e-5**0.5], step)
        assert len(world.rows) == inner
    for step in (0, 40):
        moved = fitted(Straight(), [1.0], step, n_inner=1)
        torch.testing.assert_close(moved, torch.full_like(moved, -0.01 * (1 - step / 100)))


def test_a_converged_row_is_not_changed() -> None:
    world = Straight()
    near, far = fitted(world, [1e-4, 1.0], 0, n_inner=3)
    torch.testing.assert_close(near, torch.full((3, 2), -0.01))
    torch.testing.assert_close(far, torch.full((3, 2), -0.03), atol=1e-3, rtol=0)
    assert world.rows == [2, 1, 1]


def test_null_text_fits_the_guidance_and_the_negative_prompt_of_the_edit() -> None:
    z, cases = normal(1, 3), [case("a")]
    edit = Reconstruction(NullTextInversion(4, n_inner=5, lr=0.1), 3.0)
    ddim = Reconstruction(DDIMInversion(4, 0), 3.0)
    assert (edited(edit, z, cases) - z).norm() < 0.9 * (edited(ddim, z, cases) - z).norm()
    none = replace(edit, inversion=NullTextInversion(4, n_inner=0), negative_prompt="target")
    negative = replace(ddim, negative_prompt="target")
    torch.testing.assert_close(edited(none, z, cases), edited(negative, z, cases))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Reconstruction(NullTextInversion()), "guidance_scale: expected one that reads"),
        (lambda: PromptToPrompt(NullTextInversion(), None, guidance_scale=1.0), "reads null"),
        (lambda: NullTextInversion(0), "inversion.n_steps: expected 2 or more"),
        (lambda: NullTextInversion(100), "n_steps: expected at most 99"),
        (lambda: NullTextInversion(offset=3), "offset"),
        (lambda: NullTextInversion(lr=-1.0), "inversion.lr"),
    ],
)
def test_invalid_values_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_nfe() -> None:
    metered, edit = (
        MeteredBackbone(SD),
        Reconstruction(NullTextInversion(3, n_inner=2, tolerance=0.0), 7.5),
    )
    edited(edit, normal(1, 1), [case("a")], metered)
    assert metered.nfe.backwards == 3 * 2
    assert metered.nfe.forwards == 3 + 3 * (2 + 2) + 2 * 3
