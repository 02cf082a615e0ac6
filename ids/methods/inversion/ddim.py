"""DDIM inversion."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from ids.core.edit import EditContext
from ids.core.options import check_options
from ids.core.prompt import Prompt
from ids.core.protocols import Backbone, Denoiser, Progress, Schedule
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times, check_grid, ddim_invert_step, leading
from ids.diffusion.guidance import Guided
from ids.methods.inversion.inversion import InversionRequest, InversionResult

SourcePrompt = Literal["source", "empty"]


def source_prompt(option: SourcePrompt, y_src: Prompt, backbone: Backbone) -> Prompt:
    """The prompt for the source: the source prompt or the empty one."""
    return y_src if option == "source" else backbone.prompt([""] * len(y_src))


@dataclass(frozen=True)
class DDIMInversion:
    """The deterministic sampler run backwards (Song et al. 2021), without guidance, along Stable
    Diffusion's grid of `n_steps` timesteps.

    `prompt`: the source prompt (the PIE benchmark) or the empty prompt (the released PnP, with 999
    steps). `offset` is the grid's smallest timestep: 1 in Stable Diffusion's scheduler, 0 in the
    released P2P.
    """

    n_steps: int = 50
    offset: int = 1
    prompt: SourcePrompt = "source"

    fits_null: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_grid("inversion", self.n_steps, self.offset)
        check_options(self)

    @property
    def n_ticks(self) -> int:
        """One per step."""
        return self.n_steps

    def times(self, schedule: Schedule) -> Times:
        """Stable Diffusion's grid, noisiest first, 0 last."""
        return leading(self.n_steps, schedule.n_timesteps, self.offset)

    def __call__(
        self, context: EditContext, z_src: Latent, request: InversionRequest
    ) -> InversionResult:
        """The wanted states and the source itself at 0. The null prompts are the request's."""
        y = source_prompt(self.prompt, request.y_src, context.backbone)
        eps_phi = Guided(context.backbone, y, guidance_scale=1.0)
        times = self.times(context.backbone.schedule)
        inverted = invert_states(eps_phi, z_src, y, times, context.progress)
        states = {0: z_src} | {t: z for t, z in inverted if t in request.wanted}
        return InversionResult(states, dict.fromkeys(times, request.y_null))


def invert_states(
    eps_phi: Denoiser, z_src: Latent, y: Prompt, times: Times, progress: Progress
) -> Iterator[tuple[int, Latent]]:
    """The source's states by timestep, up to the noisiest; on a grid from 0, also the one at 0."""
    z = z_src
    for t, below in reversed([*pairwise(times)]):
        z = ddim_invert_step(eps_phi, z, y, below, t)
        yield t, z
        progress.step()
