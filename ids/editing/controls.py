"""The two rows every table needs: an edit that changes nothing, and the edit that is right."""

from dataclasses import dataclass

import torch

from ids.core.errors import UnsupportedError
from ids.core.protocols import Backbone, Progress, Subject
from ids.core.records import Trace
from ids.core.rng import Streams
from ids.representations import encode


@dataclass(frozen=True)
class NullEdit:
    """Leaves the latent alone: the autoencoder's round trip, the best "preservation" there is."""

    uses_seed = False
    uses_prompts = False
    anytime = False
    n_ticks = 0

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        return Trace()


@dataclass(frozen=True)
class TrueEdit:
    """The known answer through the autoencoder: what no latent method can beat."""

    uses_seed = False
    uses_prompts = False
    anytime = False
    n_ticks = 0

    def __call__(
        self, backbone: Backbone, subject: Subject, rng: Streams, progress: Progress
    ) -> Trace:
        for row, case in enumerate(subject.cases):
            if case.truth is None:
                raise UnsupportedError(
                    "method true_edit: expected a case whose true edit is known; there is none; "
                    "use dataset=shapes, or leave true_edit out"
                )
            with torch.no_grad():
                subject.z_trg[row] = encode(backbone, case.truth, subject.z_trg.device)[0]
        return Trace()
