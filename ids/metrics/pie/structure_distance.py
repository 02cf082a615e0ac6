"""The structure distance of PIE-Bench's evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Image
from ids.metrics.batches import over_defined
from ids.metrics.dino import Dino, DinoInput, LoadedDino, structure_distances
from ids.metrics.pie.parts import Part, Stack, parts_of, pie_name, pie_title


@dataclass(frozen=True)
class PieStructureDistance:
    """`structure_distance*` of cure-lab/PnPInversion, evaluation/evaluate.py: as
    `StructureDistance`, but the network gets values of 0 .. 255, times the part. `stack`: bilinear
    resizing without antialiasing (torchvision before 0.17), or with it.
    """

    dino: Dino
    part: Part = "whole"
    stack: Stack = "reference"

    revision = 1
    unit = ""
    digits = 4
    higher_is_better = False
    min_side = 1

    @property
    def name(self) -> str:
        return pie_name("structure_distance", self.part, self.stack)

    @property
    def title(self) -> str:
        return pie_title("struct. dist.", self.part, self.stack)

    @property
    def to_pixels(self) -> DinoInput:
        """The network's input."""
        return DinoInput(levels=True, antialias=self.stack == "current")

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
        """0 or more; nan without the mask or the part that it needs."""
        dino = self.load(models)

        def distances(known: list[tuple[Image, Image]]) -> list[float]:
            sources, images = zip(*known, strict=True)
            return structure_distances(dino, self.to_pixels, sources, images)

        return over_defined(parts_of(cases, edits, self.part), distances)
