"""The contract of inversions: from a source latent to the noise that it is sampled from."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ids.core.edit import EditContext
from ids.core.prompt import Prompt
from ids.core.protocols import Schedule
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times


@dataclass(frozen=True)
class InversionRequest:
    """The sampling that an inversion prepares: of sources with the prompts `y_src`, under this
    guidance and these null prompts, one row per source, with the states at the `wanted` timesteps.
    `y_trg`: the prompts that targets are sampled with beside them, if any are.
    """

    y_src: Prompt
    y_null: Prompt
    guidance_scale: float
    wanted: Collection[int]
    y_trg: Prompt | None = None


@dataclass(frozen=True)
class InversionResult:
    """The source's states [B, C, H, W] at the wanted timesteps, and the null prompts to sample with
    at every timestep.

    After a sampling step from t, the sampled source is moved towards its own state by the share
    `pull[t]`, and `push[t]` is added to the target.
    """

    states: Mapping[int, Latent]
    y_null: Mapping[int, Prompt]
    pull: Mapping[int, float] = field(default_factory=dict)
    push: Mapping[int, Latent] = field(default_factory=dict)

    def pulled(self, z_src: Latent, t: int, below: int) -> Latent:
        """A sampled source after the step from t; at share 1 it is its state, bit for bit."""
        return z_src.lerp(self.states[below], self.pull[t]) if t in self.pull else z_src

    def pushed(self, z_trg: Latent, t: int) -> Latent:
        """A sampled target after the step from t."""
        return z_trg + self.push[t] if t in self.push else z_trg


@runtime_checkable
class Inversion(Protocol):
    """From sources to their states along the diffusion, at `n_steps` timesteps above 0.

    `fits_null`: does it fit null prompts to the guidance? `n_ticks`: how many times
    `context.progress.step` is called.
    """

    @property
    def n_steps(self) -> int: ...
    @property
    def fits_null(self) -> bool: ...
    @property
    def n_ticks(self) -> int: ...
    def times(self, schedule: Schedule) -> Times:
        """Its timesteps, noisiest first, 0 last. `ConfigError` if the schedule has too few."""
        ...

    def __call__(
        self, context: EditContext, z_src: Latent, request: InversionRequest
    ) -> InversionResult: ...


def check_inversion(inversion: Inversion, guidance_scale: float) -> None:
    """`ValueError` if null prompts would be fitted that sampling without guidance never reads."""
    if inversion.fits_null and guidance_scale == 1:
        raise ValueError(
            "method.guidance_scale: expected one that reads null prompts with "
            "inversion=null_text; got 1; set method.guidance_scale=7.5, or inversion=ddim"
        )
