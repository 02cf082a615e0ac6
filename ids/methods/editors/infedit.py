"""InfEdit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch

from ids.core.capabilities import require
from ids.core.edit import EditContext, LatentSubject, Subject
from ids.core.options import check_options
from ids.core.prompt import Prompt, Prompts
from ids.core.protocols import Backbone, Schedule
from ids.core.records import Trace
from ids.core.tensors import Latent
from ids.diffusion.consistency import ConsistentStep, consistency_times
from ids.diffusion.ddim import Times, times_of
from ids.diffusion.guidance import guide
from ids.diffusion.schedule import diffuse


class Branch(NamedTuple):
    """A sample, its prompt and its guidance scale."""

    z_t: Latent
    y: Prompt
    guidance_scale: float


@dataclass(frozen=True)
class InfEdit:
    """Inversion-free editing (Xu et al. 2024, DDCM sampling; the released code without its
    attention control): source and target are sampled side by side from one noise, the source with
    the noise that is consistent with its clean latent.

    `eta` is the share of the variance that is drawn anew in each step. Below 1, a mutual branch
    under the source prompt carries the noise on; at 1 it has no effect and is not evaluated. A step
    costs one forward per branch, two where its guidance scale is not 1: 3 with the released values.
    At a `guidance_scale` up to 1, no branch is guided, as released.

    `start`: from `noise` alone (the released script), or the noised `source`, from which `strength`
    of the steps are sampled. The grid has `n_steps` of `original_steps` timesteps.
    """

    n_steps: int = 12
    original_steps: int = 50
    strength: float = 1.0
    start: Literal["noise", "source"] = "noise"
    eta: float = 1.0
    guidance_scale: float = 2.3
    source_guidance_scale: float = 1.0
    negative_prompt: str = ""

    uses_seed: ClassVar[bool] = True
    uses_prompts: ClassVar[bool] = True
    anytime: ClassVar[bool] = False  # the grid depends on n_steps
    needs: ClassVar[tuple[type, ...]] = (LatentSubject,)

    def __post_init__(self) -> None:
        check_options(self)
        if not 1 <= self.n_steps <= self.original_steps:
            raise ValueError(
                f"method.n_steps: expected 1 to original_steps, {self.original_steps}; got "
                f"{self.n_steps}"
            )
        if not 0 <= self.eta <= 1:
            raise ValueError(f"method.eta: expected 0 to 1; got {self.eta}")
        if not 0 < self.strength <= 1 or self.n_ticks < 1:
            raise ValueError(
                f"method.strength: expected 1 step of {self.n_steps} or more, up to 1; got "
                f"{self.strength}"
            )
        if self.start == "noise" and self.strength < 1:
            raise ValueError(
                f"method.strength: expected 1 with method.start=noise; got {self.strength}; set "
                "method.start=source"
            )

    @property
    def n_ticks(self) -> int:
        """One per sampled step."""
        return int(self.n_steps * self.strength)

    def times(self, schedule: Schedule) -> Times:
        """The sampled timesteps, noisiest first; the last step predicts the edit."""
        grid = consistency_times(self.n_steps, self.original_steps, schedule.n_timesteps)
        return grid[-self.n_ticks :]

    @torch.no_grad()
    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Write the edit to z_trg. No curves."""
        latents = require(subject, LatentSubject)
        y = context.prompts(subject.cases, self.negative_prompt)
        for _, (z_0, *_) in self.steps(context, latents.z_src, y):
            latents.z_trg.copy_(z_0)
            context.progress.step()
        return Trace()

    def steps(
        self, context: EditContext, z_src: Latent, y: Prompts
    ) -> Iterator[tuple[list[Branch], list[Latent]]]:
        """After each step the branches (source, target and perhaps the mutual one), and the clean
        latents that were predicted for all but the source.
        """
        s = context.backbone.schedule
        times = self.times(s)
        z = context.rng.normal("eps", like=z_src)
        if self.start == "source":
            z = diffuse(s, z_src, z, times_of(times[0], z_src))
        branches = self._branches(y, z)
        for step, (t, to) in enumerate(zip(times, [*times[1:], times[-1]], strict=True)):
            eps_src, *eps = _predictions(context.backbone, y.null, branches, t)
            noise = context.rng.at(step).normal("renoise", like=z_src)
            source, *samples = branches
            at = ConsistentStep(s, z_src, source.z_t, eps_src, noise, self.eta, t, to)
            z_0 = [at.predicted(x.z_t, e) for x, e in zip(samples, eps, strict=True)]
            z_to = [at.noised(clean, e) for clean, e in zip(z_0, eps, strict=True)]
            z_to.insert(0, at.noised(z_src, eps[-1]))  # as released: with the last branch's noise
            branches = [x._replace(z_t=z) for x, z in zip(branches, z_to, strict=True)]
            yield branches, z_0

    def _branches(self, y: Prompts, z: Latent) -> list[Branch]:
        """Source, target, and the mutual one where it has an effect."""
        guided = self.guidance_scale > 1
        w_trg, w_src = (self.guidance_scale, self.source_guidance_scale) if guided else (1.0, 1.0)
        mutual = [Branch(z, y.src, w_src)] if self.eta < 1 else []
        return [Branch(z, y.src, w_src), Branch(z, y.trg, w_trg), *mutual]


def _predictions(
    backbone: Backbone, y_null: Prompt, branches: list[Branch], t: int
) -> list[Latent]:
    """The guided noise prediction of each branch, from one call."""
    rows = [(x, y) for x in branches for y in _prompts(x, y_null)]
    z_t = torch.cat([x.z_t for x, _ in rows])
    eps = backbone.eps(z_t, Prompt.cat([y for _, y in rows]), times_of(t, z_t))
    parts = iter(eps.chunk(len(rows)))
    return [
        next(parts) if x.guidance_scale == 1 else guide(next(parts), next(parts), x.guidance_scale)
        for x in branches
    ]


def _prompts(branch: Branch, y_null: Prompt) -> list[Prompt]:
    return [branch.y] if branch.guidance_scale == 1 else [y_null, branch.y]
