"""CLIP score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Bool
from torch import Tensor

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.batches import over_defined
from ids.metrics.clip_source import ClipSource, LoadedClip
from ids.metrics.comparison import name_of, region_of, title_of
from ids.metrics.feature_cache import AnyImage

Pixels = Bool[Tensor, "height width"]


@dataclass(frozen=True)
class ClipScore:
    """cos(E_I(edit), E_T(target prompt)) (Hessel et al. 2021, without their factor 2.5 and without
    clipping at 0; torchmetrics' CLIPScore is 100 times this).

    `region: edited` takes the edited region alone, with its surroundings unchanged: the smallest
    square that contains the mask, moved inside the image. CLIP takes the centre square of its
    input, so a mask that is longer than the image's shorter side loses its ends.
    """

    clip: ClipSource
    region: Literal["whole", "edited"] = "whole"

    revision = 1
    unit = ""
    digits = 3
    higher_is_better = True
    min_side = 1

    @property
    def name(self) -> str:
        return name_of("clip_score", "source", self.region)

    @property
    def title(self) -> str:
        return title_of("CLIP", "source", self.region)

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
        """In [-1, 1]; nan for a target prompt that the network does not understand, and without a
        mask where one is needed.
        """
        clip = self.load(models)

        def cosines(known: list[tuple[Tensor, str]]) -> list[float]:
            images, prompts = zip(*known, strict=True)
            return (clip.images(images) * clip.texts(prompts)).sum(1).tolist()

        pairs = zip(cases, edits, strict=True)
        return over_defined([self._pair(case, edited) for case, edited in pairs], cosines)

    def _pair(self, case: EditCase, edited: Edited) -> tuple[Tensor, str] | None:
        pixels = region_of(case, edited, self.region)
        if pixels is None or not self.clip.understands(case.prompt_trg):
            return None
        image = edited.image if self.region == "whole" else square_around(edited.image, pixels)
        return image, case.prompt_trg


def square_around(image: AnyImage, pixels: Pixels) -> AnyImage:
    """The smallest square of the image that contains the marked pixels, with their middle as near
    to its middle as the image allows; wider or higher than a square where they are longer than the
    image's shorter side.
    """
    marked = pixels.nonzero()
    first, last = marked.amin(0).tolist(), marked.amax(0).tolist()
    lengths = [end - start + 1 for start, end in zip(first, last, strict=True)]
    side = min(max(lengths), *pixels.shape)
    for dim, (start, length) in enumerate(zip(first, lengths, strict=True)):
        size = max(length, side)
        middle = start - (size - length) // 2
        place = min(max(middle, 0), pixels.shape[dim] - size)
        image = image.narrow(dim + 1, place, size)
    return image
