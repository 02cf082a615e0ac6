"""What inversion alone loses."""

from dataclasses import dataclass
from itertools import pairwise

import torch

from ids.core.protocols import Backbone, Progress, Subject
from ids.core.records import Trace
from ids.core.rng import Streams
from ids.diffusion.ddim import move, times_of
from ids.diffusion.guidance import Guided
from ids.methods.inversion import Inversion


@dataclass(frozen=True)
class Reconstruction:
    """Up to the noise and down again under the source prompt: the row that no edit by inversion
    preserves more than. At guidance 1 DDIM undoes its own steps to the order of a step; guidance
    leads it astray.
    """

    inversion: Inversion
    guidance_scale: float = 1.0
    negative_prompt: str = ""

    random = False
    guided = True
    stoppable = False

    @property
    def ticks(self) -> int:
        return self.inversion.ticks + self.inversion.n_steps

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        texts = [case.prompt_src for case in subject.cases]
        with torch.no_grad():
            inverted = self.inversion(backbone, subject.z_src, texts, progress)
            y_null = backbone.prompt([self.negative_prompt] * len(texts))
            y, z = backbone.prompt(texts), inverted.states[inverted.times[0]]
            for t, below in pairwise(inverted.times):
                null = inverted.y_null.get(t, y_null)
                eps_phi = Guided(backbone, null, self.guidance_scale)
                z = move(backbone.schedule, z, eps_phi(z, y, times_of(t, z)), t, below)
                progress.step()
            subject.z_trg.copy_(z)
        return Trace()
