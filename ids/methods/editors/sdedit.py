"""SDEdit."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from ids.core.capabilities import require
from ids.core.edit import EditContext, LatentSubject, Subject
from ids.core.records import Trace
from ids.diffusion.ddim import check_grid, ddim_states, leading, times_of
from ids.diffusion.guidance import Guided
from ids.diffusion.schedule import diffuse


@dataclass(frozen=True)
class SDEdit:
    """Add noise to the source, and denoise it under the target prompt (Meng et al. 2022).

    `strength` is the share of the `n_steps` DDIM steps that are sampled: the last int(strength
    n_steps) of the grid, from noise drawn at the first of them.
    """

    strength: float = 0.7
    n_steps: int = 50
    offset: int = 1
    guidance_scale: float = 7.5
    negative_prompt: str = ""

    uses_seed: ClassVar[bool] = True
    uses_prompts: ClassVar[bool] = True
    anytime: ClassVar[bool] = False  # before the last step, noise is left
    needs: ClassVar[tuple[type, ...]] = (LatentSubject,)

    def __post_init__(self) -> None:
        check_grid("method", self.n_steps, self.offset)
        if not 0 < self.strength <= 1:
            raise ValueError(f"method.strength: expected more than 0, up to 1; got {self.strength}")
        if self.n_ticks < 1:
            raise ValueError(
                f"method.n_steps: expected enough for a step at strength {self.strength}; "
                f"got {self.n_steps}"
            )

    @property
    def n_ticks(self) -> int:
        """One per sampled step."""
        return int(self.strength * self.n_steps)

    @torch.no_grad()
    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Write the edit to z_trg. No curves."""
        latents, s = require(subject, LatentSubject), context.backbone.schedule
        y = context.prompts(subject.cases, self.negative_prompt)
        eps_phi = Guided(context.backbone, y.null, self.guidance_scale)
        times = leading(self.n_steps, s.n_timesteps, self.offset)[-self.n_ticks - 1 :]
        z_src = latents.z_src
        z_T = diffuse(s, z_src, context.rng.normal("eps", like=z_src), times_of(times[0], z_src))
        for z in ddim_states(eps_phi, z_T, y.trg, times):
            latents.z_trg.copy_(z)
            context.progress.step()
        return Trace()
