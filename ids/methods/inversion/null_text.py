"""Null-text inversion."""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from jaxtyping import Int
from torch import Tensor

from ids.core.prompt import Prompt
from ids.core.protocols import Backbone, Progress, Schedule
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times, ddim_step, times_of
from ids.methods.inversion.ddim import DDIMInversion, InversionRequest, InversionResult


@dataclass(frozen=True)
class GuidedStep:
    """A guided step down of some rows, for null prompts to be tried on."""

    backbone: Backbone
    guidance_scale: float
    z: Latent
    eps_y: Latent
    t: int
    below: int

    def of(self, rows: Int[Tensor, " rows"]) -> "GuidedStep":
        return replace(self, z=self.z[rows], eps_y=self.eps_y[rows])

    def __call__(self, y_null: Prompt) -> Latent:
        eps_null = self.backbone.eps(self.z, y_null, times_of(self.t, self.z))
        eps = eps_null + self.guidance_scale * (self.eps_y - eps_null)
        return ddim_step(self.backbone.schedule, self.z, eps, self.t, self.below)


@dataclass(frozen=True)
class NullTextInversion:
    """DDIM inversion, and for each step down the null prompt under which guided sampling comes back
    to the inversion's own states (Mokady et al. 2023, Alg. 1; the released schedule).

    Each fit starts from the one of the step above, the first from the null prompt of the way down:
    at most `n_inner` steps of Adam at lr (1 - i / 100), i the step, until the mean squared distance
    falls below tolerance + 2e-5 i. A row that is there stops alone, and costs nothing more. An
    inner step costs one forward and one backward; a step two more forwards.
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
    def n_ticks(self) -> int:
        return 2 * self.n_steps

    def times(self, schedule: Schedule) -> Times:
        return self._ddim.times(schedule)

    def __call__(
        self, backbone: Backbone, z_src: Latent, request: InversionRequest, progress: Progress
    ) -> InversionResult:
        times = self.times(backbone.schedule)
        states = self._ddim(backbone, z_src, replace(request, wanted=times), progress).states
        y, y_null, nulls = backbone.prompt(request.texts), request.y_null, {}
        z = states[times[0]]
        for step, (t, below) in enumerate(pairwise(times)):
            eps_y = backbone.eps(z, y, times_of(t, z))
            down = GuidedStep(backbone, request.guidance_scale, z, eps_y, t, below)
            y_null = self._fitted(down, y_null, states[below], step)
            z, nulls[t] = down(y_null), y_null
            progress.step()
        return InversionResult({t: z for t, z in states.items() if t in request.wanted}, nulls)

    def _fitted(self, down: GuidedStep, y_null: Prompt, goal: Latent, step: int) -> Prompt:
        fitted = y_null.embedding.detach().clone().requires_grad_()
        adam = torch.optim.Adam([fitted], lr=self.lr * (1 - step / 100))
        away, d = torch.arange(len(goal), device=goal.device), goal[0].numel()
        for _ in range(self.n_inner):
            with torch.enable_grad():
                squares = (
                    (down.of(away)(y_null.with_embedding(fitted)[away]) - goal[away])
                    .square()
                    .sum((1, 2, 3))
                )
                # Of the sum, and divided afterwards: a mean's would vanish in half precision.
                (gradient,) = torch.autograd.grad(squares.sum(), fitted)
            fitted.grad = gradient / d
            before = fitted.detach().clone()
            adam.step()
            with torch.no_grad():
                fitted.copy_(before.index_copy(0, away, fitted[away]))  # Adam moves all by momentum
            away = away[squares.detach() / d >= self.tolerance + step * 2e-5]
            if not len(away):
                break
        return y_null.with_embedding(fitted.detach())
