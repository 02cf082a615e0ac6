"""Records the intermediate values of an edit: inputs and outputs of the denoiser, anchors,
gradients and latents.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ids.backbones.latent_diffusion import LatentDiffusion
from ids.core.capabilities import FeatureBackbone, Hook, require
from ids.core.edit import LatentSubject
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser, Distillation, Schedule
from ids.core.records import Anchor, Draw
from ids.core.tensors import Features, Images, Latent, Timestep


@dataclass(frozen=True)
class Call:
    """One call of the denoiser: noised latent, guided prediction, the network's raw predictions
    [null, prompt], and feature maps by site.
    """

    z_t: Latent
    eps: Latent
    raw: Tensor
    maps: Mapping[str, Features]


@dataclass
class Step:
    """The values of one step."""

    t: Tensor | None = None
    anchor: Anchor | None = None
    source_calls: list[Call] = field(default_factory=list)
    target_calls: list[Call] = field(default_factory=list)
    gradient: Tensor | None = None
    terms: dict[str, Tensor] = field(default_factory=dict)  # of a sum: each weighted gradient
    z_trg: Tensor | None = None


@dataclass(frozen=True)
class RecordingBackbone:
    """A backbone that keeps the outputs of its network."""

    backbone: LatentDiffusion
    outputs: list[Tensor] = field(default_factory=list)

    @property
    def schedule(self) -> Schedule:
        return self.backbone.schedule

    def encode(self, x: Images) -> Latent:
        return self.backbone.encode(x)

    def decode(self, z: Latent) -> Images:
        return self.backbone.decode(z)

    def prompt(self, texts: Sequence[str]) -> Prompt:
        return self.backbone.prompt(texts)

    def eps(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        output = self.backbone.eps(z_t, y, t)
        self.outputs.append(output.detach().clone())
        return output

    def hooked(self, hook: Hook) -> AbstractContextManager[None]:
        return self.backbone.hooked(hook)

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        output, maps = self.backbone.features(z_t, y, t, sites)
        self.outputs.append(output.detach().clone())
        return output, maps


@dataclass(frozen=True)
class RecordingDenoiser:
    """A denoiser that records its calls."""

    eps_phi: Denoiser
    backbone: RecordingBackbone
    calls: list[Call]

    @property
    def schedule(self) -> Schedule:
        return self.eps_phi.schedule

    def __call__(self, z_t: Latent, y: Prompt, t: Timestep) -> Latent:
        self.backbone.outputs.clear()
        output = self.eps_phi(z_t, y, t)
        self._note(z_t, output)
        return output

    def features(
        self, z_t: Latent, y: Prompt, t: Timestep, sites: str
    ) -> tuple[Latent, Mapping[str, Features]]:
        self.backbone.outputs.clear()
        output, maps = require(self.eps_phi, FeatureBackbone).features(z_t, y, t, sites)
        self._note(z_t, output, maps)
        return output, maps

    def _note(self, z_t: Latent, eps: Latent, maps: Mapping[str, Features] | None = None) -> None:
        raw = torch.cat(self.backbone.outputs)
        seen = {site: h.detach().clone() for site, h in (maps or {}).items()}
        self.calls.append(Call(z_t.detach().clone(), eps.detach().clone(), raw, seen))


@dataclass(frozen=True)
class RecordingRule:
    """A rule that records both halves of its steps."""

    distillation: Distillation
    backbone: RecordingBackbone
    steps: list[Step]

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        step = Step(t=draw.t)
        self.steps.append(step)
        recording = RecordingDenoiser(eps_phi, self.backbone, step.source_calls)
        step.anchor = self.distillation.anchor(recording, z_src, y_src, draw)
        return step.anchor

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        recording = RecordingDenoiser(eps_phi, self.backbone, self.steps[-1].target_calls)
        return self.distillation.grad(recording, z_trg, y_trg, anchor)


@dataclass(frozen=True)
class RecordingTerm:
    """A term of a sum that records its weighted gradient."""

    name: str
    weight: float
    distillation: Distillation
    steps: list[Step]

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        return self.distillation.anchor(eps_phi, z_src, y_src, draw)

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        gradient = self.distillation.grad(eps_phi, z_trg, y_trg, anchor)
        self.steps[-1].terms[self.name] = self.weight * gradient
        return gradient


@dataclass(frozen=True)
class RecordingProgress:
    """Records the optimizer's gradient and z_trg after every step."""

    subject: LatentSubject
    steps: list[Step]

    def step(self) -> None:
        (parameter,) = self.subject.parameters()
        assert isinstance(parameter, torch.Tensor)
        assert parameter.grad is not None
        self.steps[-1].gradient = parameter.grad.clone()
        self.steps[-1].z_trg = torch.Tensor.clone(self.subject.z_trg.detach())
