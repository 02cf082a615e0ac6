"""How far an edit went."""

from dataclasses import dataclass

from ids.core.records import EditCase, Edited


@dataclass(frozen=True)
class LatentDistance:
    """Edit strength: root mean square of z_trg - z_src. It says how much changed, not whether
    rightly.
    """

    version = 1
    unit = ""
    higher_is_better = None
    min_side = 1
    name = "latent_distance"

    def weights_id(self) -> str:
        return ""

    def __call__(self, case: EditCase, edited: Edited) -> float:
        return float((edited.z_trg - edited.z_src).square().mean().sqrt())
