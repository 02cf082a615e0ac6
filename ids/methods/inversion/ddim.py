"""The way from a source latent up to the noise it would have come from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, runtime_checkable

from ids.core.prompt import Prompt
from ids.core.protocols import Backbone, Progress, Schedule
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times, checked_grid, ddim_invert_step, leading
from ids.diffusion.guidance import Guided

PROMPTS = ("source", "empty")


@dataclass(frozen=True)
class InversionRequest:
    """The way down that an inversion is wanted for: of sources with these prompts, under this
    guidance, from this null prompt in each row, with the source's states at these timesteps.
    """

    texts: Sequence[str]
    guidance_scale: float
    y_null: Prompt
    wanted: Collection[int]


@dataclass(frozen=True)
class InversionResult:
    """A source's states by timestep, those that were wanted, and by timestep the null prompts to
    come down with.
    """

    states: Mapping[int, Latent]
    y_null: Mapping[int, Prompt]


@runtime_checkable
class Inversion(Protocol):
    """From sources to their states along the diffusion, `n_steps` of them above the source.
    `fits_null` tells whether it does something about guidance.
    """

    @property
    def n_steps(self) -> int: ...
    @property
    def fits_null(self) -> bool: ...
    @property
    def n_ticks(self) -> int: ...
    def times(self, schedule: Schedule) -> Times: ...
    def __call__(
        self, backbone: Backbone, z_src: Latent, request: InversionRequest, progress: Progress
    ) -> InversionResult: ...


def check_inversion(inversion: Inversion, guidance_scale: float) -> None:
    """`ValueError` where null prompts would be fitted that nobody reads."""
    if inversion.fits_null and guidance_scale == 1:
        raise ValueError(
            "method.guidance_scale: expected one that reads null prompts with "
            "inversion=null_text; got 1; set method.guidance_scale=7.5, or inversion=ddim"
        )


def told(prompt: str, texts: Sequence[str]) -> Sequence[str]:
    """What the network is told of the sources: their prompts, or nothing."""
    return texts if prompt == "source" else [""] * len(texts)


@dataclass(frozen=True)
class DDIMInversion:
    """The deterministic sampler run backwards (Song et al. 2021), without guidance, along Stable
    Diffusion's grid of `n_steps` timesteps.

    `prompt`: what the network is told on the way up, the source prompt (the PIE benchmark) or
    nothing (the released PnP, with 999 steps). `offset` is the grid's smallest timestep: 1 in
    Stable Diffusion's own scheduler, 0 in the released P2P.
    """

    n_steps: int = 50
    offset: int = 1
    prompt: str = "source"

    fits_null = False

    def __post_init__(self) -> None:
        checked_grid("inversion", self.n_steps, self.offset)
        if self.prompt not in PROMPTS:
            raise ValueError(
                f"inversion.prompt: expected one of {', '.join(PROMPTS)}; got {self.prompt!r}"
            )

    @property
    def n_ticks(self) -> int:
        return self.n_steps

    def times(self, schedule: Schedule) -> Times:
        return leading(self.n_steps, schedule.n_timesteps, self.offset)

    def __call__(
        self, backbone: Backbone, z_src: Latent, request: InversionRequest, progress: Progress
    ) -> InversionResult:
        y = backbone.prompt(told(self.prompt, request.texts))
        eps_phi = Guided(backbone, y, guidance_scale=1.0)
        times = self.times(backbone.schedule)
        states, z = {0: z_src}, z_src
        for t, below in reversed([*pairwise(times)]):
            z = ddim_invert_step(eps_phi, z, y, below, t)
            if t in request.wanted:
                states[t] = z
            progress.step()
        return InversionResult(states, dict.fromkeys(times, request.y_null))
