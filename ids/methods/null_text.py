"""Null-text inversion."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import torch

from ids.core.protocols import Backbone, Progress, Schedule
from ids.core.tensors import Latent, Prompt
from ids.diffusion.ddim import Times, move, times_of
from ids.methods.inversion import DDIMInversion, Descent, Inverted


@dataclass(frozen=True)
class NullTextInversion:
    """DDIM inversion, and for each step down the null prompt under which guided sampling comes back
    to the inversion's own states (Mokady et al. 2023, Alg. 1; the released schedule).

    Each fit starts from the one of the step above, the first from the null prompt of the way down:
    at most `n_inner` steps of Adam at lr (1 - i / 100), i the step, until the mean squared distance
    falls below tolerance + 2e-5 i. A row that is there stops alone. An inner step costs one forward
    and one backward; a step two more forwards.
    """

    n_steps: int = 50
    offset: int = 0
    n_inner: int = 10
    lr: float = 0.01
    tolerance: float = 1e-5

    fits_null = True
    revision = 1  # its DDIM inversion is made within: to be raised with that one's

    def __post_init__(self) -> None:
        if self._ddim.n_steps > 99:
            raise ValueError(
                f"inversion.n_steps: expected at most 99, where the released rate of learning is "
                f"above 0; got {self.n_steps}"
            )
        for name in ("n_inner", "lr", "tolerance"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"inversion.{name}: expected 0 or more; got {getattr(self, name)}")

    @property
    def _ddim(self) -> DDIMInversion:
        return DDIMInversion(self.n_steps, self.offset)

    @property
    def ticks(self) -> int:
        return 2 * self.n_steps

    def times(self, schedule: Schedule) -> Times:
        return self._ddim.times(schedule)

    def __call__(
        self, backbone: Backbone, z_src: Latent, descent: Descent, progress: Progress
    ) -> Inverted:
        times = self.times(backbone.schedule)
        states = self._ddim(backbone, z_src, replace(descent, wanted=times), progress).states
        y, y_null, nulls = backbone.prompt(descent.texts), descent.y_null, {}
        z = states[times[0]]
        for step, (t, below) in enumerate(pairwise(times)):
            eps_y = backbone.eps(z, y, times_of(t, z))
            down = partial(_down, backbone, descent.guidance_scale, z, eps_y, t, below)
            y_null = self._fitted(down, y_null, states[below], step)
            z, nulls[t] = down(y_null), y_null
            progress.step()
        return Inverted({t: z for t, z in states.items() if t in descent.wanted}, nulls)

    def _fitted(
        self, down: Callable[[Prompt], Latent], y_null: Prompt, goal: Latent, step: int
    ) -> Prompt:
        fitted = y_null.detach().clone().requires_grad_()
        adam = torch.optim.Adam([fitted], lr=self.lr * (1 - step / 100))
        away = torch.ones(len(goal), dtype=torch.bool, device=goal.device)
        d = goal[0].numel()
        for _ in range(self.n_inner):
            with torch.enable_grad():
                squares = (down(fitted) - goal).square().sum((1, 2, 3))
                # Of the sum, and divided afterwards: a mean's would vanish in half precision.
                (gradient,) = torch.autograd.grad(squares.sum(), fitted)
            fitted.grad = gradient / d
            before = fitted.detach().clone()
            adam.step()
            with torch.no_grad():
                fitted[~away] = before[~away]
            away &= squares.detach() / d >= self.tolerance + step * 2e-5
            if not away.any():
                break
        return fitted.detach()


def _down(
    backbone: Backbone, w: float, z: Latent, eps_y: Latent, t: int, below: int, y_null: Prompt
) -> Latent:
    eps_null = backbone.eps(z, y_null, times_of(t, z))
    return move(backbone.schedule, z, eps_null + w * (eps_y - eps_null), t, below)
