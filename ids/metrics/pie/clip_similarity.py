"""The CLIP scores of PIE-Bench's evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import PerRow
from ids.metrics.batches import over_defined
from ids.metrics.clip_pixels import pillow_bicubic, torch_bicubic
from ids.metrics.clip_source import ClipSource, LoadedClip, cut_without_end
from ids.metrics.pie.parts import Part, Stack, factor_of, pie_name, pie_title

Scored = Literal["source_image", "target_image", "target_image_edit_part"]
TITLES = {
    "source_image": "CLIP source",
    "target_image": "CLIP",
    "target_image_edit_part": "CLIP ed",
}
TO_PIXELS = {"reference": pillow_bicubic, "current": torch_bicubic}


@dataclass(frozen=True)
class PieClipSimilarity:
    """`clip_similarity_*` of cure-lab/PnPInversion, evaluation/evaluate.py: torchmetrics'
    CLIPScore, 100 cos(image, prompt), floored at 0.

    `of`: the source with its prompt, the edit with the target prompt, or the edit times the mask,
    black elsewhere, with the whole target prompt. Prompts over the context lose their end token
    and with it their meaning. `stack`: how transformers resizes, by its version.
    """

    clip: ClipSource
    of: Scored = "target_image"
    stack: Stack = "reference"

    revision = 1
    unit = ""
    digits = 2
    higher_is_better = True
    min_side = 1

    @property
    def name(self) -> str:
        return pie_name(f"clip_similarity_{self.of}", stack=self.stack)

    @property
    def title(self) -> str:
        return pie_title(TITLES[self.of], stack=self.stack)

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
        """0 .. 100; nan without a mask where one is needed, and for prompts that the network does
        not understand.
        """
        clip = self.load(models)

        def scores(known: list[tuple[Tensor, str]]) -> list[float]:
            images, prompts = zip(*known, strict=True)
            features = clip.images(images, TO_PIXELS[self.stack])
            cosines = (features * clip.texts(prompts, cut_without_end)).sum(1)
            return percent(cosines).tolist()

        pairs = zip(cases, edits, strict=True)
        return over_defined([self._pair(case, edited) for case, edited in pairs], scores)

    def _pair(self, case: EditCase, edited: Edited) -> tuple[Tensor, str] | None:
        prompt = case.prompt_src if self.of == "source_image" else case.prompt_trg
        if not self.clip.understands(prompt):
            return None
        if self.of == "source_image":
            return case.source.load(), prompt
        part: Part = "edit_part" if self.of == "target_image_edit_part" else "whole"
        factor = factor_of(case, edited, part)
        return None if factor is None else (edited.image * factor, prompt)


def percent(cosines: PerRow) -> PerRow:
    """100 cos, 0 where it is negative."""
    return (100 * cosines).clamp(min=0)
