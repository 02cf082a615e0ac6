"""The similarities of InstructPix2Pix's evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch.nn import functional as F

from ids.core.needed import NeededFile
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.metrics.batches import over_defined
from ids.metrics.clip_pixels import Range, Unfiltered
from ids.metrics.clip_source import ClipSource, LoadedClip, cut_with_end

Similarity = Literal["image", "direction", "0", "1"]
TITLES = {"image": "IP2P img.", "direction": "IP2P dir.", "0": "IP2P source", "1": "IP2P target"}


@dataclass(frozen=True)
class InstructPix2PixSimilarity:
    """`sim_image`, `sim_direction`, `sim_0` or `sim_1` of timothybrooks/instruct-pix2pix, metrics/
    clip_similarity.py: cosine of both images; of their difference and the difference of the
    prompts; of the source and its prompt; of the edit and its prompt. It resizes without
    antialiasing, so `clip_image`, `clip_directional` and `clip_score` differ from it.

    `pixels`: that function expects images in [0, 1] (`unit`); the project's compute_metrics.py
    passes images in [-1, 1] (`minus_one_to_one`), which its published plots presumably contain.
    """

    clip: ClipSource
    similarity: Similarity
    pixels: Range = "unit"

    revision = 1
    unit = ""
    digits = 3
    higher_is_better = True
    min_side = 1

    @property
    def name(self) -> str:
        return f"ip2p_sim_{self.similarity}" + ("" if self.pixels == "unit" else f"_{self.pixels}")

    @property
    def title(self) -> str:
        return TITLES[self.similarity] + ("" if self.pixels == "unit" else " ±1")

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
        """In [-1, 1]; nan for prompts that the network does not understand. An unchanged image has
        direction 0.
        """
        clip = self.load(models)
        pairs = zip(cases, edits, strict=True)
        known = [pair if self._understood(pair[0]) else None for pair in pairs]
        return over_defined(known, lambda known: self._cosines(clip, known))

    def _cosines(self, clip: LoadedClip, known: list[tuple[EditCase, Edited]]) -> list[float]:
        to_pixels = Unfiltered(self.pixels)
        before = clip.images([case.source.load() for case, _ in known], to_pixels)
        after = clip.images([edited.image for _, edited in known], to_pixels)
        words_before = clip.texts([case.prompt_src for case, _ in known], cut_with_end)
        words_after = clip.texts([case.prompt_trg for case, _ in known], cut_with_end)
        x, y = {
            "image": (before, after),
            "direction": (after - before, words_after - words_before),
            "0": (before, words_before),
            "1": (after, words_after),
        }[self.similarity]
        cosines: list[float] = F.cosine_similarity(x, y, dim=1).tolist()
        return cosines

    def _understood(self, case: EditCase) -> bool:
        return self.clip.understands(f"{case.prompt_src} {case.prompt_trg}")
