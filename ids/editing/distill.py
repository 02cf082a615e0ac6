"""The optimization loop that every distillation rule shares."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar

import torch

from ids.core.edit import (
    Anchors,
    EditContext,
    Parameters,
    Scenic,
    SourceHalf,
    Subject,
    View,
    inline,
)
from ids.core.errors import UnsupportedError
from ids.core.prompt import Prompt
from ids.core.protocols import (
    Distillation,
    DrawSource,
    GuidanceSchedule,
    NoiseRefiner,
    StepGuidance,
    TimestepChecker,
)
from ids.core.records import Trace
from ids.core.tensors import Latent, PerRow
from ids.diffusion import Bank, ConstantGuidance, Guided
from ids.editing.banked import BankedSourceHalf
from ids.editing.descent import Descent
from ids.editing.scheduled import ScheduledSourceHalf
from ids.editing.source_half import RuleSourceHalf
from ids.methods import NoRefinement, Refined

LEAST_EPSILON = 1e-8  # of the optimizer of a scene's edit


@dataclass(frozen=True)
class DistillationEditor:
    """Gradient descent on a distillation rule: n_steps times, the gradient g of the rule in z_trg,
    times `grad_scale`, goes to the optimizer of the subject's parameters. IDS (Kim et al. 2025) is
    the rule DDS with the refiner FPR.

    `z_trg.backward(gradient=g)` is what surrogate losses such as sum(z g) or mse(z, z - g) amount
    to. The released DDS, CDS and IDS scale g by 2000 / (64 * 64) at their only latent size; this
    number per latent element is kept at every size, so that the step does not depend on resolution.

    `guidance` changes the guidance scale of both halves from step to step; it starts at
    `guidance_scale`.
    """

    distillation: Distillation
    timesteps: DrawSource
    optimizer: Callable[[Parameters], torch.optim.Optimizer]
    n_steps: int = 200
    guidance_scale: float = 7.5
    grad_scale: float = 0.48828125  # 2000 / (64 * 64)
    negative_prompt: str = ""
    fpr: NoiseRefiner = field(default_factory=NoRefinement)
    guidance: GuidanceSchedule = field(default_factory=ConstantGuidance)

    uses_seed: ClassVar[bool] = True
    uses_prompts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.n_steps < 1:
            raise ValueError(f"method.n_steps: expected 1 or more; got {self.n_steps}")
        self._guidance(0)

    @property
    def anytime(self) -> bool:
        """Where no step's guidance depends on n_steps; nothing else of a step does."""
        return self.guidance.anytime

    @property
    def n_ticks(self) -> int:
        """One per step."""
        return self.n_steps

    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Edit the subject. Curves [n_steps, B, ...]: `t`, `gradient` (RMS of g), `distance` (RMS
        of z_trg - z_src after the step; of a rendered view before it) and the logs of the rule and
        the refiner.
        """
        if isinstance(self.timesteps, TimestepChecker):
            self.timesteps.check(context.backbone.schedule.n_timesteps)
        y = context.prompts(subject.cases, self.negative_prompt)
        eps_phi = Guided(context.backbone, y.null, self.guidance_scale)
        rule = Refined(self.distillation, self.fpr)
        bank = self._bank
        guidance = [self._guidance(step) for step in range(self.n_steps)]

        def source_half(scale: float) -> SourceHalf:
            return self._source_half(context, subject, y.src, rule, eps_phi.at(scale))

        half = ScheduledSourceHalf.of([now.scale for now in guidance], source_half)
        optimizer = self.optimizer(subject.parameters())
        _check_epsilon(subject, optimizer)
        descent = Descent(optimizer, context)
        descent.resume()
        rates = _Rates.of(optimizer, guidance)
        # The draws of a bank are evaluated in the calls of a whole edit, each once.
        first = 0 if bank else descent.step
        anchors = _anchors(context, subject)(half, self.n_steps, first)
        left = islice(anchors, descent.step - first, None)
        for now, anchor in zip(guidance[descent.step :], left, strict=True):
            rng = context.rng.at(bank.entry(descent.step) if bank else descent.step)
            view = subject.view(rng)
            z_trg = view.z_trg
            with torch.no_grad():
                g = rule.grad(eps_phi.at(now.scale), z_trg.detach(), y.trg, anchor)
            optimizer.zero_grad()
            z_trg.backward(gradient=self.grad_scale * g)
            rates.times(now.rate)
            optimizer.step()
            logs = {"t": anchor.draw.t, "gradient": _rms(g), "distance": _distance(view)}
            descent.end_step({**logs, **anchor.logs})
        return descent.trace()

    @property
    def _bank(self) -> Bank | None:
        return self.timesteps if isinstance(self.timesteps, Bank) else None

    def _guidance(self, step: int) -> StepGuidance:
        return self.guidance(step, self.n_steps, self.guidance_scale)

    def _source_half(
        self, context: EditContext, subject: Subject, y_src: Prompt, rule: Refined, eps_phi: Guided
    ) -> SourceHalf:
        """The source half of the steps with the guidance scale of `eps_phi`."""
        bank = self._bank
        draws = bank.uniform if bank else self.timesteps
        half = RuleSourceHalf(
            rule, eps_phi, draws, subject, y_src, context.rng, self.negative_prompt
        )
        return BankedSourceHalf(half, bank) if bank else half


def _anchors(context: EditContext, subject: Subject) -> Anchors:
    """Step by step for null edits of scenes: the halves cancel exactly at equal batch shapes only,
    and Adam would turn the rounding that is left into steps of full size.
    """
    is_null = any(case.prompt_src == case.prompt_trg for case in subject.cases)
    return inline if is_null and isinstance(subject, Scenic) else context.anchors


def _check_epsilon(subject: Subject, optimizer: torch.optim.Optimizer) -> None:
    """`UnsupportedError` for an optimizer that takes full steps along the rounding errors of a
    scene: most of its cells have gradients of about 0.
    """
    found = min((group["eps"] for group in optimizer.param_groups if "eps" in group), default=1.0)
    if isinstance(subject, Scenic) and found < LEAST_EPSILON:
        raise UnsupportedError(
            f"method.optimizer.eps: expected {LEAST_EPSILON:g} or more for a scene; got {found:g}; "
            "raise it, or use SGD"
        )


@dataclass(frozen=True)
class _Rates:
    """The groups of an optimizer that have a learning rate, each with its own."""

    groups: Sequence[tuple[dict[str, Any], Any]]

    @classmethod
    def of(cls, optimizer: torch.optim.Optimizer, guidance: Sequence[StepGuidance]) -> "_Rates":
        """`ValueError` where a step, or the subject, changes a learning rate, and there is none."""
        factors = [group.get("rate", 1.0) for group in optimizer.param_groups]
        groups = [
            (group, factor * group["lr"])
            for group, factor in zip(optimizer.param_groups, factors, strict=True)
            if "lr" in group
        ]
        if not groups and any(rate != 1 for rate in [*factors, *(now.rate for now in guidance)]):
            raise ValueError(
                f"guidance.rate: expected 1 for {type(optimizer).__name__}, which has no lr"
            )
        return cls(groups)

    def times(self, factor: float) -> None:
        """This factor times each group's own learning rate."""
        for group, rate in self.groups:
            group["lr"] = factor * rate


@torch.no_grad()
def _distance(view: View) -> PerRow:
    return _rms(view.z_trg - view.z_src)


def _rms(z: Latent) -> PerRow:
    return z.square().mean((1, 2, 3)).sqrt()
