"""Several rules at once."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ids.core.capabilities import FeatureBackbone, needs
from ids.core.protocols import Denoiser, Distillation
from ids.core.records import Anchor, Draw
from ids.core.tensors import Latent, Prompt
from ids.diffusion.remembering import Remembering


@dataclass(frozen=True)
class Sum:
    """A weighted sum of rules on one draw: CDS is 2000 / (64 * 64) DDS + 3 PatchNCE (Nam et al.
    2024, Eq. 10).

    The terms see the same z_t, so the network is asked once a half for all of them: terms that want
    features go first, and their pass answers the others.
    """

    terms: Mapping[str, Distillation]
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if not self.terms or set(self.terms) != set(self.weights):
            raise ValueError(
                f"terms and weights: expected the same names; got {', '.join(self.terms)} and "
                f"{', '.join(self.weights)}"
            )

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        eps_phi = Remembering(eps_phi)
        parts = {name: self.terms[name].anchor(eps_phi, z_src, y_src, draw) for name in self._order}
        logs = {name: values for part in parts.values() for name, values in part.logs.items()}
        return Anchor(
            draw, self._summed({n: p.reference for n, p in parts.items()}), {}, parts, logs
        )

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        eps_phi = Remembering(eps_phi)
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
        return torch.stack([self.weights[name] * value for name, value in values.items()]).sum(0)
