"""How an editor that samples from an inverted source begins."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from ids.core.edit import EditContext, LatentSubject
from ids.core.prompt import Prompt, Prompts
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times
from ids.methods.inversion.inversion import Inversion, InversionRequest, InversionResult


@runtime_checkable
class InvertingEditor(Protocol):
    """The settings of an editor that its start depends on."""

    @property
    def inversion(self) -> Inversion: ...
    @property
    def guidance_scale(self) -> float: ...
    @property
    def negative_prompt(self) -> str: ...


@dataclass(frozen=True)
class Start:
    """Encoded prompts, the inversion's timesteps (noisiest first) and its result."""

    y: Prompts
    times: Times
    inverted: InversionResult

    @property
    def states(self) -> Mapping[int, Latent]:
        """The source's states by timestep."""
        return self.inverted.states

    @property
    def nulls(self) -> Mapping[int, Prompt]:
        """The null prompts by timestep."""
        return self.inverted.y_null

    def corrected(self, z: Latent, t: int, below: int) -> Latent:
        """Source rows, then target rows if any, after the sampling step from t, as the inversion
        corrects them.
        """
        n = len(self.z_T)
        z_src = self.inverted.pulled(z[:n], t, below)
        return torch.cat([z_src, self.inverted.pushed(z[n:], t)]) if len(z) > n else z_src

    @property
    def z_T(self) -> Latent:
        """The source at the noisiest timestep."""
        return self.states[self.times[0]]


def invert(
    editor: InvertingEditor,
    context: EditContext,
    subject: LatentSubject,
    wanted: Collection[int] = (),
    beside: bool = False,
) -> Start:
    """Encode the prompts and invert the source; states are kept at the noisiest timestep and at
    the `wanted` ones. `beside`: source and target are sampled side by side.
    """
    y = context.prompts(subject.cases, editor.negative_prompt)
    times = editor.inversion.times(context.backbone.schedule)
    y_trg = y.trg if beside else None
    request = InversionRequest(y.src, y.null, editor.guidance_scale, {times[0], *wanted}, y_trg)
    return Start(y, times, editor.inversion(context, subject.z_src, request))
