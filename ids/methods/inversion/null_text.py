"""Null-text inversion."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Tensor

from ids.core.edit import EditContext
from ids.core.prompt import Prompt
from ids.core.protocols import Backbone, Schedule
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times, ddim_step, times_of
from ids.diffusion.guidance import guide
from ids.methods.inversion.ddim import DDIMInversion
from ids.methods.inversion.inversion import InversionRequest, InversionResult


@dataclass(frozen=True)
class GuidedStep:
    """A guided sampling step of some rows from t to `below`, as a function of the null prompts.
    `eps_y` are the prompts' noise predictions at z.
    """

    backbone: Backbone
    guidance_scale: float
    z: Latent
    eps_y: Latent
    t: int
    below: int

    def rows(self, rows: Int[Tensor, " rows"]) -> "GuidedStep":
        """The same step of these rows alone."""
        return replace(self, z=self.z[rows], eps_y=self.eps_y[rows])

    def __call__(self, y_null: Prompt) -> Latent:
        """z at `below`, differentiable in the null prompts."""
        eps_null = self.backbone.eps(self.z, y_null, times_of(self.t, self.z))
        eps = guide(eps_null, self.eps_y, self.guidance_scale)
        return ddim_step(self.backbone.schedule, self.z, eps, self.t, self.below)


@dataclass(frozen=True)
class NullTextInversion:
    """DDIM inversion, and for each sampling step the null prompt under which guided sampling
    reaches the inversion's next state (Mokady et al. 2023, Alg. 1; the released schedule).

    Each fit starts from that of the step before, the first from the request's null prompt: at most
    `n_inner` steps of Adam at lr (1 - i / 100), i the sampling step, until the mean squared
    distance falls below tolerance + 2e-5 i. Converged rows stop individually. An inner step costs
    one forward and one backward; a sampling step two more forwards.
    """

    n_steps: int = 50
    offset: int = 0
    n_inner: int = 10
    lr: float = 0.01
    tolerance: float = 1e-5

    fits_null: ClassVar[bool] = True
    revision: ClassVar[int] = 1  # contains a DDIM inversion: raise it with that one's

    def __post_init__(self) -> None:
        if self._ddim.n_steps > 99:
            raise ValueError(
                f"inversion.n_steps: expected at most 99, where the released learning rate is "
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
        """One per step of the inversion, one per fit."""
        return 2 * self.n_steps

    def times(self, schedule: Schedule) -> Times:
        """The DDIM inversion's."""
        return self._ddim.times(schedule)

    def __call__(
        self, context: EditContext, z_src: Latent, request: InversionRequest
    ) -> InversionResult:
        """The DDIM inversion's wanted states, and the fitted null prompts by timestep."""
        backbone = context.backbone
        times = self.times(backbone.schedule)
        states = self._ddim(context, z_src, replace(request, wanted=times)).states
        y_null, nulls, z = request.y_null, dict[int, Prompt](), states[times[0]]
        for i, (t, below) in enumerate(pairwise(times)):
            eps_y = backbone.eps(z, request.y_src, times_of(t, z))
            step = GuidedStep(backbone, request.guidance_scale, z, eps_y, t, below)
            y_null = self.fit(step, y_null, states[below], i)
            z, nulls[t] = step(y_null), y_null
            context.progress.step()
        return InversionResult({t: z for t, z in states.items() if t in request.wanted}, nulls)

    def fit(self, step: GuidedStep, y_null: Prompt, goal: Latent, i: int) -> Prompt:
        """The null prompts, from `y_null` on, under which the i-th sampling step reaches `goal`."""
        fitted = y_null.embedding.detach().clone().requires_grad_()
        adam = torch.optim.Adam([fitted], lr=self.lr * (1 - i / 100))
        away, d = torch.arange(len(goal), device=goal.device), goal[0].numel()  # rows to fit still
        for _ in range(self.n_inner):
            with torch.enable_grad():
                z = step.rows(away)(y_null.with_embedding(fitted)[away])
                squares = (z - goal[away]).square().sum((1, 2, 3))
                # Of the sum, divided afterwards: the gradient of a mean underflows in fp16.
                (gradient,) = torch.autograd.grad(squares.sum(), fitted)
            fitted.grad = gradient / d
            before = fitted.detach().clone()
            adam.step()
            with torch.no_grad():
                fitted.copy_(before.index_copy(0, away, fitted[away]))  # momentum moves all rows
            away = away[squares.detach() / d >= self.tolerance + i * 2e-5]
            if not len(away):
                break
        return y_null.with_embedding(fitted.detach())
