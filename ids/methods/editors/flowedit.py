"""FlowEdit."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from ids.core.capabilities import require
from ids.core.edit import EditContext, LatentSubject, Subject
from ids.core.prompt import Prompts
from ids.core.records import Trace
from ids.core.tensors import Latent
from ids.diffusion.guidance import Guided
from ids.diffusion.velocity import FlowGrid, check_start, flow_grid, mix


@dataclass(frozen=True)
class FlowEdit:
    """A flow from source to target without inversion (Kulikov et al. 2025): z_edit starts at z_src
    and moves with v_trg(z_edit + z_t_src - z_src) - v_src(z_t_src), the difference of the
    velocities, averaged over `n_draws` noises per step.

    Of the sampler's `n_steps` the last `n_max` are run, the last `n_min` of those as sampling under
    the target prompt, from z_edit + z_t_src - z_src of one more noise. `t_max` is the timestep at
    which the grid begins (None: the model's noisiest). A step costs four forwards per draw, in the
    last phase two.
    """

    n_steps: int = 50
    n_max: int = 33
    n_min: int = 0
    n_draws: int = 1
    source_guidance_scale: float = 3.5
    guidance_scale: float = 13.5
    t_max: int | None = None
    negative_prompt: str = ""

    uses_seed: ClassVar[bool] = True
    uses_prompts: ClassVar[bool] = True
    anytime: ClassVar[bool] = False  # before the last step, the source has only begun to change
    needs: ClassVar[tuple[type, ...]] = (LatentSubject,)

    def __post_init__(self) -> None:
        if self.n_draws < 1:
            raise ValueError(f"method.n_draws: expected 1 or more; got {self.n_draws}")
        if not 0 <= self.n_min <= self.n_max <= self.n_steps or self.n_max < 1:
            raise ValueError(
                "method.n_max: expected 1 to n_steps, and n_min of 0 to n_max; got n_max="
                f"{self.n_max} with n_min={self.n_min} and n_steps={self.n_steps}"
            )

    @property
    def n_ticks(self) -> int:
        """One per step that is run."""
        return self.n_max

    @torch.no_grad()
    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Write the edit to z_trg. No curves. `ConfigError` for a start that the backbone lacks."""
        latents, backbone = require(subject, LatentSubject), context.backbone
        grid = flow_grid(backbone.schedule, self.n_steps, self.t_max, latents.z_src.device)
        first = self.n_steps - self.n_max
        check_start(backbone, grid, first)
        y = context.prompts(subject.cases, self.negative_prompt)
        z = latents.z_src.clone()
        for step in range(first, self.n_steps):
            if step == self.n_steps - self.n_min:
                z = self._noised(context, latents.z_src, z, grid, step)
            z = z + self._velocity(context, latents.z_src, z, y, grid, step) * grid.stride(step)
            latents.z_trg.copy_(z)
            context.progress.step()
        return Trace()

    def _velocity(
        self,
        context: EditContext,
        z_src: Latent,
        z: Latent,
        y: Prompts,
        grid: FlowGrid,
        step: int,
    ) -> Latent:
        """In the last phase the target's; before it, its mean difference to the source's."""
        backbone, t = context.backbone, grid.t[step].expand(len(z))
        target = Guided(backbone, y.null, self.guidance_scale)
        if step >= self.n_steps - self.n_min:
            return target.velocity(z, y.trg, t)
        source = Guided(backbone, y.null, self.source_guidance_scale)
        total = torch.zeros_like(z)
        for k in range(self.n_draws):
            z_t_src = mix(grid.levels[step], z_src, _noise(context, step, k, z_src))
            v_src = source.velocity(z_t_src, y.src, t)
            total += target.velocity(z + z_t_src - z_src, y.trg, t) - v_src
        return total / self.n_draws

    def _noised(
        self, context: EditContext, z_src: Latent, z: Latent, grid: FlowGrid, step: int
    ) -> Latent:
        """z_edit with the noise of the source, where the last phase begins."""
        noise = _noise(context, step, 0, z_src)
        return z + mix(grid.sigmas[step], z_src, noise) - z_src


def _noise(context: EditContext, step: int, k: int, like: Latent) -> Latent:
    """The noise of a step; the first one is that of distillation at this step."""
    return context.rng.at(step).normal(f"eps.{k}" if k else "eps", like)
