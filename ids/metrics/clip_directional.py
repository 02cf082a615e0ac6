"""CLIP directional similarity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch.nn import functional as F

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.batches import over_defined
from ids.metrics.clip_source import ClipSource, Features, LoadedClip

STANDSTILL = 1e-6  # norm of a difference of unit vectors below which it has no direction


@dataclass(frozen=True)
class ClipDirectional:
    """cos(E_I(edit) - E_I(source), E_T(target) - E_T(source)) of unit features (Gal et al. 2021,
    StyleGAN-NADA): did the image change in the direction of the prompts? nan where either
    difference is zero.
    """

    clip: ClipSource

    revision = 1
    name = "clip_directional"
    title = "CLIP dir."
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
        """In [-1, 1]; nan for prompts that the network does not understand, or without a change."""
        clip = self.load(models)

        def cosines(known: list[tuple[EditCase, Edited]]) -> list[float]:
            before = clip.images([case.source.load() for case, _ in known])
            after = clip.images([edited.image for _, edited in known])
            words_before = clip.texts([case.prompt_src for case, _ in known])
            words_after = clip.texts([case.prompt_trg for case, _ in known])
            return _cosines(after - before, words_after - words_before)

        pairs = zip(cases, edits, strict=True)
        return over_defined(
            [pair if self._understood(pair[0]) else None for pair in pairs], cosines
        )

    def _understood(self, case: EditCase) -> bool:
        return self.clip.understands(f"{case.prompt_src} {case.prompt_trg}")


def _cosines(images: Features, texts: Features) -> list[float]:
    """nan where a row of either is zero."""
    cosines = F.cosine_similarity(images, texts, dim=1)
    still = (images.norm(dim=1) < STANDSTILL) | (texts.norm(dim=1) < STANDSTILL)
    return cosines.masked_fill(still, math.nan).tolist()
