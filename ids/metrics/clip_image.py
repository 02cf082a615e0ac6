"""CLIP image similarity."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.batches import over_defined
from ids.metrics.clip_source import ClipSource, LoadedClip


@dataclass(frozen=True)
class ClipImage:
    """cos(E_I(edit), E_I(source)): how similar edit and source are to CLIP."""

    clip: ClipSource

    revision = 1
    name = "clip_image"
    title = "CLIP img."
    unit = ""
    digits = 3
    higher_is_better = True
    min_side = 1

    def files(self) -> list[NeededFile]:
        """Of the CLIP."""
        return self.clip.files()

    def weights_id(self) -> str:
        return self.clip.weights_id()

    def load(self, models: Models) -> LoadedClip:
        return self.clip.load(models)

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """In [-1, 1]; nan for a source prompt that the network does not understand."""
        clip = self.load(models)

        def cosines(known: list[tuple[Tensor, Tensor]]) -> list[float]:
            images, sources = zip(*known, strict=True)
            return (clip.images(images) * clip.images(sources)).sum(1).tolist()

        pairs = zip(cases, edits, strict=True)
        understood = self.clip.understands
        return over_defined(
            [(e.image, c.source.load()) if understood(c.prompt_src) else None for c, e in pairs],
            cosines,
        )
