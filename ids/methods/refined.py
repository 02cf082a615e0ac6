"""Any rule on refined noise."""

from dataclasses import dataclass, replace

from ids.core.protocols import Denoiser, Distillation, NoiseRefiner
from ids.core.records import Anchor, Draw
from ids.core.tensors import Latent, Prompt


@dataclass(frozen=True)
class Refined:
    """A rule whose drawn noise is refined first (IDS, Algorithm 1: DDS with eps* for eps). Only the
    source half changes.
    """

    distillation: Distillation
    refine: NoiseRefiner

    def anchor(self, eps_phi: Denoiser, z_src: Latent, y_src: Prompt, draw: Draw) -> Anchor:
        draw, logs = self.refine(eps_phi, z_src, y_src, draw)
        anchor = self.distillation.anchor(eps_phi, z_src, y_src, draw)
        return replace(anchor, logs={**anchor.logs, **logs})

    def grad(self, eps_phi: Denoiser, z_trg: Latent, y_trg: Prompt, anchor: Anchor) -> Latent:
        return self.distillation.grad(eps_phi, z_trg, y_trg, anchor)
