"""The controls of every table: the edit that changes nothing, and the edit that is correct."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from ids.core.capabilities import require
from ids.core.edit import EditContext, LatentSubject, Subject
from ids.core.errors import UnsupportedError
from ids.core.records import Trace
from ids.representations import encode


@dataclass(frozen=True)
class NullEdit:
    """Negative control: leaves the subject alone. Of a latent image, the autoencoder's round trip:
    no edit of the latent preserves more.
    """

    uses_seed: ClassVar[bool] = False
    uses_prompts: ClassVar[bool] = False
    anytime: ClassVar[bool] = False
    n_ticks: ClassVar[int] = 0

    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Do nothing."""
        return Trace()


@dataclass(frozen=True)
class TrueEdit:
    """Positive control: the known correct edit through the autoencoder. No edit of the latent comes
    closer to it. Scenes have no latent to write.
    """

    needs: ClassVar[tuple[type, ...]] = (LatentSubject,)

    uses_seed: ClassVar[bool] = False
    uses_prompts: ClassVar[bool] = False
    anytime: ClassVar[bool] = False
    n_ticks: ClassVar[int] = 0

    def __call__(self, context: EditContext, subject: Subject) -> Trace:
        """Write the encoded true edits to z_trg. `UnsupportedError` if a case has none."""
        latents = require(subject, LatentSubject)
        for row, case in enumerate(subject.cases):
            if case.truth is None:
                raise UnsupportedError(
                    "method true_edit: expected a case whose true edit is known; got one without; "
                    "use dataset=shapes, or leave true_edit out"
                )
            with torch.no_grad():
                latents.z_trg[row] = encode(context.backbone, case.truth)[0]
        return Trace()
