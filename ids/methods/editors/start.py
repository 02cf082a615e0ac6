"""How an editor that samples from an inverted source begins."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ids.core.edit import EditContext, LatentSubject
from ids.core.prompt import Prompt, Prompts
from ids.core.tensors import Latent
from ids.diffusion.ddim import Times
from ids.methods.inversion.inversion import Inversion, InversionRequest


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
    """Encoded prompts, the inversion's timesteps (noisiest first), and the source's states and the
    null prompts by timestep.
    """

    y: Prompts
    times: Times
    states: Mapping[int, Latent]
    nulls: Mapping[int, Prompt]

    @property
    def z_T(self) -> Latent:
        """The source at the noisiest timestep."""
        return self.states[self.times[0]]


def invert(
    editor: InvertingEditor,
    context: EditContext,
    subject: LatentSubject,
    wanted: Collection[int] = (),
) -> Start:
    """Encode the prompts and invert the source; states are kept at the noisiest timestep and at
    the `wanted` ones.
    """
    y = context.prompts(subject.cases, editor.negative_prompt)
    times = editor.inversion.times(context.backbone.schedule)
    request = InversionRequest(y.src, y.null, editor.guidance_scale, {times[0], *wanted})
    inverted = editor.inversion(context, subject.z_src, request)
    return Start(y, times, inverted.states, inverted.y_null)
