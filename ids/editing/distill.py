"""The optimization loop that every distillation rule shares."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ids.core.protocols import (
    Backbone,
    Distillation,
    DrawSource,
    NoiseRefiner,
    Progress,
    Subject,
)
from ids.core.records import Prompts, Trace
from ids.core.rng import Streams
from ids.core.tensors import Latent, PerRow
from ids.diffusion.guidance import Guided
from ids.diffusion.timesteps import Uniform
from ids.methods import NoRefinement, Refined


@dataclass(frozen=True)
class DistillationEditor:
    """Descends a rule's gradient on noise as drawn or refined: z_trg moves against `grad_scale` g,
    n_steps times. IDS is the rule DDS with the refiner FPR.

    `z_trg.backward(gradient=g)` is the identity that surrogate losses such as sum(z g) or mse(z, z
    - g) disguise. The released DDS, CDS and IDS scale g by 2000 / (64 * 64) at their only latent
    size; that number per latent element is kept at every size, so that the step does not depend on
    resolution.
    """

    distillation: Distillation
    timesteps: DrawSource
    optimizer: Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]
    n_steps: int = 200
    guidance_scale: float = 7.5
    grad_scale: float = 0.48828125  # 2000 / (64 * 64)
    negative_prompt: str = ""
    fpr: NoiseRefiner = field(default_factory=NoRefinement)

    uses_seed = True  # a seed matters
    uses_prompts = True  # the prompts matter
    anytime = True  # no step knows how many are left

    def __post_init__(self) -> None:
        if self.n_steps < 1:
            raise ValueError(f"method.n_steps: expected 1 or more; got {self.n_steps}")

    @property
    def n_ticks(self) -> int:
        return self.n_steps

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        if isinstance(self.timesteps, Uniform):
            self.timesteps.check(backbone.schedule.n_timesteps)
        y = Prompts(
            backbone.prompt([case.prompt_src for case in subject.cases]),
            backbone.prompt([case.prompt_trg for case in subject.cases]),
        )
        y_null = backbone.prompt([self.negative_prompt] * len(subject.cases))
        eps_phi = Guided(backbone, y_null, self.guidance_scale)
        rule = Refined(self.distillation, self.fpr)
        optimizer = self.optimizer(subject.parameters())
        curves: dict[str, list[Tensor]] = defaultdict(list)
        for step in range(self.n_steps):
            z_src, z_trg = subject.z_src, subject.z_trg
            with torch.no_grad():
                draw = self.timesteps.draw(z_src, rng.at(step))
                anchor = rule.anchor(eps_phi, z_src, y.src, draw)
                g = rule.grad(eps_phi, z_trg.detach(), y.trg, anchor)
            optimizer.zero_grad()
            z_trg.backward(gradient=self.grad_scale * g)
            optimizer.step()
            logs = {
                "t": draw.t,
                "gradient": _rms(g),
                "distance": _rms(z_trg.detach() - z_src),
                **anchor.logs,
            }
            for name, value in logs.items():
                curves[name].append(value)
            progress.step()
        return Trace({name: torch.stack(values).cpu() for name, values in curves.items()})


def _rms(z: Latent) -> PerRow:
    return z.square().mean((1, 2, 3)).sqrt()
