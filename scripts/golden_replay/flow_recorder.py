"""A stored rectified-flow transformer, its recorded noise, and what it is evaluated at."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from golden_replay.recording import Golden, NoAutoencoder, StoredPrompts, network_of
from ids.backbones.flow_denoiser import POOLED, FlowDenoiser
from ids.backbones.latent_flow import LatentFlow
from ids.core.edit import EditContext
from ids.core.prompt import Prompt
from ids.core.rng import Streams
from ids.core.tensors import Latent, Timestep
from ids.diffusion import Flow
from ids.methods import DVRF, FlowEdit
from ids.representations import LatentImage

TEXTS = {"": "null", "source": "src", "target": "trg"}
N_FREQUENCIES, ROUNDED_UP = 128, [12, 106]


@dataclass(frozen=True)
class RecordedStreams(Streams):
    """Recorded noise and grid places in the order in which they are drawn, whatever their names and
    steps.
    """

    noise: Tensor = field(kw_only=True)
    places: Sequence[int] = field(kw_only=True)
    _drawn: dict[str, int] = field(default_factory=lambda: {"noise": 0, "places": 0})

    def at(self, step: int) -> "RecordedStreams":
        return self

    def normal(self, name: str, like: Tensor) -> Tensor:
        return self.noise[self._next("noise")].to(like)

    def integers(self, name: str, low: int, high: int) -> Tensor:
        place = self.places[self._next("places")]
        if not low <= place < high:
            raise ValueError(f"{name}: expected a place from {low} to {high - 1}; got {place}")
        return torch.tensor([place])

    @property
    def n_draws(self) -> int:
        """Of noise."""
        return self._drawn["noise"]

    def _next(self, kind: str) -> int:
        self._drawn[kind] += 1
        return self._drawn[kind] - 1


@dataclass(frozen=True)
class Seen:
    """One guided velocity: the mixture, the network's time, the velocity of null and prompt."""

    z: Latent
    t: Tensor
    v_null: Latent
    v_y: Latent


@dataclass(frozen=True)
class RecordingFlow:
    """A flow that keeps what it is evaluated at; and, as a progress listener, z after each step.
    `gradients` are those of DVRF.
    """

    flow: LatentFlow
    calls: list[list[Seen]] = field(default_factory=lambda: [[]])
    gradients: list[Latent] = field(default_factory=list)
    states: list[Latent] = field(default_factory=list)
    subjects: list[LatentImage] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.flow, name)

    def velocity(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        v = self.flow.velocity(z_t, y, t)
        if len(v) != 2:
            raise ValueError(f"expected null and prompt in one call; got {len(v)} rows")
        level = self.flow.denoiser.schedule.sigma(t[:1]).flatten() * 1000
        self.calls[-1].append(Seen(z_t[:1].clone(), level, *v.clone().chunk(2)))
        return v

    def step(self) -> None:
        self.states.append(self.subjects[0].z_trg.detach().clone())
        self.calls.append([])


@dataclass(frozen=True)
class _Observed:
    """DVRF, whose gradients are kept."""

    editor: DVRF
    gradients: list[Latent]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.editor, name)

    def _gradient(self, *given: Any) -> Latent:
        gradient = self.editor._gradient(*given)
        self.gradients.append(gradient.clone())
        return gradient


def run_recorded(
    editor: FlowEdit | DVRF, context: EditContext, subject: LatentImage, run: RecordingFlow
) -> None:
    """Edit the subject."""
    if isinstance(editor, FlowEdit):
        editor(context, subject)
    else:
        DVRF.__call__(_Observed(editor, run.gradients), context, subject)  # type: ignore[arg-type]


class RecordedTimes(torch.nn.Module):
    """The transformer's embedding of times with the frequencies of the recordings. diffusers takes
    their exponential in float32, which MKL rounds as the CPU at hand does best: the recordings have
    the nearest numbers, but for two that are one unit in the last place above. A single such unit
    changes velocities by 1e-5.
    """

    def forward(self, t: Timestep) -> Tensor:
        """[B, 2 N_FREQUENCIES] in float32, cosines first."""
        order = torch.arange(N_FREQUENCIES, dtype=torch.float32)
        exponent = -math.log(10000) * order / N_FREQUENCIES
        frequency = exponent.double().exp().float()
        above = torch.nextafter(frequency, torch.ones(()))
        frequency[ROUNDED_UP] = above[ROUNDED_UP]
        angle = t[:, None].float() * frequency
        return torch.cat([angle.cos(), angle.sin()], dim=-1)


def flow_backbone(golden: Golden, shift: float, dtype: torch.dtype) -> LatentFlow:
    """The stored transformer, its prompts and schedule in this precision."""
    network = network_of("SD3Transformer2DModel", golden.folder / "model_sd3", dtype)
    network.time_text_embed.time_proj = RecordedTimes()
    inputs = {name: x.to(dtype) for name, x in golden.inputs_of("sd3").items()}
    prompts = {
        text: Prompt(inputs[f"emb_{name}"], {POOLED: inputs[f"pooled_{name}"]})
        for text, name in TEXTS.items()
    }
    denoiser = FlowDenoiser(network, Flow(dtype=dtype, shift=shift))
    return LatentFlow(denoiser, NoAutoencoder(), StoredPrompts(prompts))
