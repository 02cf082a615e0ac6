"""What inversion alone loses."""

from dataclasses import dataclass
from itertools import pairwise

import torch

from ids.core.protocols import Backbone, Progress, Subject
from ids.core.records import Trace
from ids.core.rng import Streams
from ids.diffusion.ddim import ddim_step, times_of
from ids.diffusion.guidance import Guided
from ids.methods.inversion.ddim import Inversion, InversionRequest, check_inversion


@dataclass(frozen=True)
class Reconstruction:
    """Up to the noise and down again under the source prompt: the row that no edit by inversion
    preserves more than. At guidance 1 DDIM undoes its own steps to the order of a step; guidance
    leads it astray, and null prompts fitted to it (`inversion=null_text`) lead it back.
    """

    inversion: Inversion
    guidance_scale: float = 1.0
    negative_prompt: str = ""

    uses_seed = False
    uses_prompts = True
    anytime = False

    def __post_init__(self) -> None:
        check_inversion(self.inversion, self.guidance_scale)

    @property
    def n_ticks(self) -> int:
        return self.inversion.n_ticks + self.inversion.n_steps

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        texts = [case.prompt_src for case in subject.cases]
        y, times = backbone.prompt(texts), self.inversion.times(backbone.schedule)
        y_null, w = backbone.prompt([self.negative_prompt] * len(texts)), self.guidance_scale
        with torch.no_grad():
            request = InversionRequest(texts, w, y_null, times[:1])
            inverted = self.inversion(backbone, subject.z_src, request, progress)
            z = inverted.states[times[0]]
            for t, below in pairwise(times):
                eps_phi = Guided(backbone, inverted.y_null[t], w)
                z = ddim_step(backbone.schedule, z, eps_phi(z, y, times_of(t, z)), t, below)
                progress.step()
            subject.z_trg.copy_(z)
        return Trace()
