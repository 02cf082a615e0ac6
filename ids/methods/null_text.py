"""Null-text inversion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import torch

from ids.core.protocols import Backbone, Progress
from ids.core.tensors import Latent, Prompt
from ids.diffusion.ddim import move, times_of
from ids.methods.inversion import DDIMInversion, Inverted


@dataclass(frozen=True)
class NullTextInversion:
    """DDIM inversion, and for each step down the null prompt under which guided sampling comes back
    to the inversion's own states (Mokady et al. 2023, Alg. 1; the released schedule).

    Each fit starts from the one of the step above: at most `n_inner` steps of Adam at lr (1 - i /
    100), i the step, until the mean squared distance falls below tolerance + 2e-5 i. A row that is
    there stops alone. An inner step costs one forward and one backward; a step two more forwards.
    """

    n_steps: int = 50
    offset: int = 0
    guidance_scale: float = 7.5
    n_inner: int = 10
    lr: float = 0.01
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        if self.n_inner < 0:
            raise ValueError(f"inversion.n_inner: expected 0 or more; got {self.n_inner}")
        if self.n_steps > 99:
            raise ValueError(
                f"inversion.n_steps: expected at most 99, where the released rate of learning is "
                f"above 0; got {self.n_steps}"
            )

    @property
    def ticks(self) -> int:
        return 2 * self.n_steps

    def __call__(
        self, backbone: Backbone, z_src: Latent, texts: Sequence[str], progress: Progress
    ) -> Inverted:
        inverted = DDIMInversion(self.n_steps, self.offset)(backbone, z_src, texts, progress)
        y, y_null = backbone.prompt(texts), backbone.prompt([""] * len(texts))
        z, nulls = inverted.states[inverted.times[0]], {}
        for step, (t, below) in enumerate(pairwise(inverted.times)):
            eps_y = backbone.eps(z, y, times_of(t, z))

            down = partial(self._down, backbone, z, eps_y, t, below)
            y_null = self._fitted(down, y_null, inverted.states[below], step)
            z, nulls[t] = down(y_null), y_null
            progress.step()
        return replace(inverted, y_null=nulls)

    def _down(
        self, backbone: Backbone, z: Latent, eps_y: Latent, t: int, below: int, y_null: Prompt
    ) -> Latent:
        eps_null = backbone.eps(z, y_null, times_of(t, z))
        eps = eps_null + self.guidance_scale * (eps_y - eps_null)
        return move(backbone.schedule, z, eps, t, below)

    def _fitted(
        self, down: Callable[[Prompt], Latent], y_null: Prompt, goal: Latent, step: int
    ) -> Prompt:
        fitted = y_null.detach().clone().requires_grad_()
        adam = torch.optim.Adam([fitted], lr=self.lr * (1 - step / 100))
        away = torch.ones(len(goal), dtype=torch.bool, device=goal.device)
        for _ in range(self.n_inner):
            with torch.enable_grad():
                losses = (down(fitted) - goal).square().mean((1, 2, 3))
                (fitted.grad,) = torch.autograd.grad(losses.sum(), fitted)
            before = fitted.detach().clone()
            adam.step()
            with torch.no_grad():
                fitted[~away] = before[~away]
            away &= losses.detach() >= self.tolerance + step * 2e-5
            if not away.any():
                break
        return fitted.detach()
