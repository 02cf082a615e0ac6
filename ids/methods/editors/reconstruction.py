"""The reconstruction of a source from its inversion."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch

from ids.core.capabilities import require
from ids.core.edit import EditContext, LatentSubject, Subject
from ids.core.records import Trace
from ids.diffusion.ddim import ddim_step, times_of
from ids.diffusion.guidance import Guided
from ids.methods.editors.start import invert
from ids.methods.inversion.direct import NO_TARGET, DirectInversion
from ids.methods.inversion.inversion import Inversion, check_inversion


@dataclass(frozen=True)
class Reconstruction:
    """Inversion, then sampling under the source prompt. No edit by inversion preserves more. At
    guidance scale 1 DDIM inverts itself up to the order of a step; a larger scale does not come
    back; null prompts fitted to it (`inversion=null_text`) correct that, and `inversion=direct`
    puts every state back: the result is the source.
    """

    inversion: Inversion
    guidance_scale: float = 1.0
    negative_prompt: str = ""

    uses_seed: ClassVar[bool] = False
    uses_prompts: ClassVar[bool] = True
    anytime: ClassVar[bool] = False
    needs: ClassVar[tuple[type, ...]] = (LatentSubject,)

    def __post_init__(self) -> None:
        check_inversion(self.inversion, self.guidance_scale)
        if isinstance(self.inversion, DirectInversion) and self.inversion.add_target:
            raise ValueError(NO_TARGET)

    @property
    def n_ticks(self) -> int:
        """Those of the inversion, and one per sampling step."""
        return self.inversion.n_ticks + self.inversion.n_steps

    @torch.no_grad()
    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Write the reconstruction to z_trg. No curves."""
        latents = require(subject, LatentSubject)
        start, backbone = invert(self, context, latents), context.backbone
        z = start.z_T
        for t, below in pairwise(start.times):
            eps_phi = Guided(backbone, start.nulls[t], self.guidance_scale)
            eps = eps_phi(z, start.y.src, times_of(t, z))
            z = start.corrected(ddim_step(backbone.schedule, z, eps, t, below), t, below)
            context.progress.step()
        latents.z_trg.copy_(z)
        return Trace()
