"""DINO structure distance."""

from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.dino import Dino, DinoInput, LoadedDino, structure_distances


@dataclass(frozen=True)
class StructureDistance:
    """Mean squared difference of the self-similarities of DINO's last keys, of source and edit
    (Tumanyan et al. 2022, eq. 3): did the layout of the image change? The input is as in DINO's
    training: in [0, 1], resized with antialiasing. `pie_structure_distance` is not.
    """

    dino: Dino

    revision = 1
    name = "structure_distance"
    title = "struct. dist."
    unit = ""
    digits = 4
    higher_is_better = False
    min_side = 1

    def files(self) -> list[NeededFile]:
        """Of the network."""
        return self.dino.files()

    def weights_id(self) -> str:
        return self.dino.weights_id()

    def load(self, models: Models) -> LoadedDino:
        return self.dino.load(models)

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """0 or more; defined for every edit."""
        if not cases:
            return []
        sources = [case.source.load() for case in cases]
        images = [edited.image for edited in edits]
        return structure_distances(self.load(models), DinoInput(), sources, images)
