"""A weighted sum of rules."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import torch

from ids.core.capabilities import FeatureBackbone, needs
from ids.core.prompt import Prompt
from ids.core.protocols import Denoiser, Distillation
from ids.core.records import Anchor, Draw
from ids.core.tensors import Latent
from ids.diffusion.caching import CachedDenoiser


@dataclass(frozen=True)
class Sum:
    """A weighted sum of rules on one draw: CDS (Nam et al. 2024) is 2000 / (64 * 64) DDS + 3
    PatchNCE, with the weights of the released code.

    The terms share z_t, as `ids.diffusion.noised` gives it. A term that needs features is evaluated
    first, and the others reuse its noise prediction: CDS costs as much as DDS and one backward per
    step.
    """

    terms: Mapping[str, Distillation]
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if not self.terms or set(self.terms) != set(self.weights):
            raise ValueError(
                f"terms and weights: expected the same names; got {', '.join(self.terms)} and "
                f"{', '.join(self.weights)}"
            )
        for name, weight in self.weights.items():
            if type(weight) not in (int, float) or not math.isfinite(weight):
                raise ValueError(f"weights.{name}: expected a finite number; got {weight!r}")

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        """The weighted references; the terms' anchors as `parts`, their logs as `TERM_LOG`."""
        eps_phi = CachedDenoiser.of(eps_phi)
        parts = {name: self.terms[name].anchor(eps_phi, z_src, y_src, draw) for name in self._order}
        reference = self._summed({name: part.reference for name, part in parts.items()})
        logs = {
            f"{name}_{log}": values
            for name, part in parts.items()
            for log, values in part.logs.items()
        }
        return Anchor(draw, reference, parts=parts, logs=logs)

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        """The weighted sum of the gradients."""
        eps_phi = CachedDenoiser.of(eps_phi)
        return self._summed(
            {
                name: self.terms[name].grad(eps_phi, z_trg, y_trg, anchor.parts[name])
                for name in self._order
            }
        )

    @property
    def _order(self) -> list[str]:
        return sorted(self.terms, key=lambda name: FeatureBackbone not in needs(self.terms[name]))

    def _summed(self, values: Mapping[str, Latent]) -> Latent:
        first, *others = (self.weights[name] * value for name, value in values.items())
        return reduce(torch.add, others, first)
