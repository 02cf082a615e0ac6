"""Edit strength as a distance of latents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited


@dataclass(frozen=True)
class LatentDistance:
    """Root mean square of z_trg - z_src, in VAE-scaled units. It measures how much changed, not
    whether the change is right.
    """

    revision = 1
    name = "latent_distance"
    title = "latent dist."
    unit = ""
    digits = 3
    higher_is_better = None
    min_side = 1
    uses_latents: ClassVar[bool] = True  # images that other code made have none

    def weights_id(self) -> str:
        """Empty: no network."""
        return ""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """Defined for every edit."""
        return [float((e.z_trg - e.z_src).square().mean().sqrt()) for e in edits]
