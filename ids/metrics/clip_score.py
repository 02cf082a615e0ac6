"""CLIP score."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.batches import over_defined
from ids.metrics.clip_source import ClipSource, LoadedClip


@dataclass(frozen=True)
class ClipScore:
    """cos(E_I(edit), E_T(target prompt)) (Hessel et al. 2021, without their factor 2.5 and without
    clipping at 0; torchmetrics' CLIPScore is 100 times this).
    """

    clip: ClipSource

    revision = 1
    name = "clip_score"
    title = "CLIP"
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
        """In [-1, 1]; nan for a target prompt that the network does not understand."""
        clip = self.load(models)

        def cosines(known: list[tuple[Tensor, str]]) -> list[float]:
            images, prompts = zip(*known, strict=True)
            return (clip.images(images) * clip.texts(prompts)).sum(1).tolist()

        pairs = zip(cases, edits, strict=True)
        understood = self.clip.understands
        return over_defined(
            [(e.image, c.prompt_trg) if understood(c.prompt_trg) else None for c, e in pairs],
            cosines,
        )
