"""The way from a source latent up to the noise it would have come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol, runtime_checkable

from ids.core.protocols import Backbone, Progress
from ids.core.tensors import Latent, Prompt
from ids.diffusion.ddim import Times, climb, leading
from ids.diffusion.guidance import Guided

PROMPTS = ("source", "empty")


@dataclass(frozen=True)
class Inverted:
    """A source's states on its way up, by timestep; 0 is the source itself. `y_null` are the null
    prompts to come down with, by timestep, where there are some to each.
    """

    states: Mapping[int, Latent]
    times: Times
    y_null: Mapping[int, Prompt] = field(default_factory=dict)


@runtime_checkable
class Inversion(Protocol):
    """From sources to their states along the diffusion, `n_steps` of them above the source."""

    @property
    def n_steps(self) -> int: ...
    @property
    def ticks(self) -> int: ...
    def __call__(
        self, backbone: Backbone, z_src: Latent, texts: Sequence[str], progress: Progress
    ) -> Inverted: ...


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

    def __post_init__(self) -> None:
        if self.n_steps < 1:
            raise ValueError(f"inversion.n_steps: expected 1 or more; got {self.n_steps}")
        if self.offset not in (0, 1):
            raise ValueError(f"inversion.offset: expected 0 or 1; got {self.offset}")
        if self.prompt not in PROMPTS:
            raise ValueError(
                f"inversion.prompt: expected one of {', '.join(PROMPTS)}; got {self.prompt!r}"
            )

    @property
    def ticks(self) -> int:
        return self.n_steps

    def __call__(
        self, backbone: Backbone, z_src: Latent, texts: Sequence[str], progress: Progress
    ) -> Inverted:
        y = backbone.prompt(texts if self.prompt == "source" else [""] * len(texts))
        eps_phi = Guided(backbone, y, guidance_scale=1.0)
        times = leading(self.n_steps, backbone.schedule.n_timesteps, self.offset)
        states, z = {0: z_src}, z_src
        for t, below in reversed([*pairwise(times)]):
            z = climb(eps_phi, z, y, below, t)
            states[t] = z
            progress.step()
        return Inverted(states, times)
