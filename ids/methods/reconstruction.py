"""What inversion alone loses."""

from dataclasses import dataclass
from itertools import pairwise

import torch

from ids.core.protocols import Backbone, Progress, Subject
from ids.core.records import Trace
from ids.core.rng import Streams
from ids.diffusion.ddim import move, times_of
from ids.diffusion.guidance import Guided
from ids.methods.inversion import Descent, Inversion, checked_descent


@dataclass(frozen=True)
class Reconstruction:
    """Up to the noise and down again under the source prompt: the row that no edit by inversion
    preserves more than. At guidance 1 DDIM undoes its own steps to the order of a step; guidance
    leads it astray, and null prompts fitted to it (`inversion=null_text`) lead it back.
    """

    inversion: Inversion
    guidance_scale: float = 1.0
    negative_prompt: str = ""

    random = False
    guided = True
    stoppable = False

    def __post_init__(self) -> None:
        checked_descent(self.inversion, self.guidance_scale)

    @property
    def ticks(self) -> int:
        return self.inversion.ticks + self.inversion.n_steps

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        texts = [case.prompt_src for case in subject.cases]
        y, times = backbone.prompt(texts), self.inversion.times(backbone.schedule)
        y_null, w = backbone.prompt([self.negative_prompt] * len(texts)), self.guidance_scale
        with torch.no_grad():
            descent = Descent(texts, w, y_null, times[:1])
            inverted = self.inversion(backbone, subject.z_src, descent, progress)
            z = inverted.states[times[0]]
            for t, below in pairwise(times):
                eps_phi = Guided(backbone, inverted.y_null[t], w)
                z = move(backbone.schedule, z, eps_phi(z, y, times_of(t, z)), t, below)
                progress.step()
            subject.z_trg.copy_(z)
        return Trace()
