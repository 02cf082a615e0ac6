"""SDEdit."""

from dataclasses import dataclass

import torch

from ids.core.protocols import Backbone, Progress, Subject
from ids.core.records import Trace
from ids.core.rng import Streams
from ids.diffusion.ddim import checked_grid, ddim_states, leading, times_of
from ids.diffusion.guidance import Guided
from ids.diffusion.schedule import diffuse


@dataclass(frozen=True)
class SDEdit:
    """Noise the source part of the way, and denoise it under the target prompt (Meng et al. 2022).

    `strength` is the share of the `n_steps` DDIM steps that are walked down: the last int(strength
    n_steps) of the grid, from noise drawn at the first of them.
    """

    strength: float = 0.7
    n_steps: int = 50
    offset: int = 1
    guidance_scale: float = 7.5
    negative_prompt: str = ""

    uses_seed = True
    uses_prompts = True
    anytime = False  # where it stops, noise is left

    def __post_init__(self) -> None:
        checked_grid("method", self.n_steps, self.offset)
        if not 0 < self.strength <= 1:
            raise ValueError(f"method.strength: expected more than 0, up to 1; got {self.strength}")
        if self.n_ticks < 1:
            raise ValueError(
                f"method.n_steps: expected enough for a step at strength {self.strength}; "
                f"got {self.n_steps}"
            )

    @property
    def n_ticks(self) -> int:
        return int(self.strength * self.n_steps)

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        y_trg = backbone.prompt([case.prompt_trg for case in subject.cases])
        y_null = backbone.prompt([self.negative_prompt] * len(subject.cases))
        eps_phi, s = Guided(backbone, y_null, self.guidance_scale), backbone.schedule
        times = leading(self.n_steps, s.n_timesteps, self.offset)[-self.n_ticks - 1 :]
        eps = rng.normal("eps", like=subject.z_src)
        with torch.no_grad():
            z_T = diffuse(s, subject.z_src, eps, times_of(times[0], subject.z_src))
            for z in ddim_states(eps_phi, z_T, y_trg, times):
                subject.z_trg.copy_(z)
                progress.step()
        return Trace()
