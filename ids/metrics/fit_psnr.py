"""How well the scene that is edited shows its photos."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ids.core.capture import Photo, SceneSource
from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Image
from ids.metrics.psnr import decibels


@dataclass(frozen=True)
class FitPSNR:
    """PSNR in dB of the unedited scene's renders to the photos that were held out of its fit, where
    they have content; to all photos where none was held out. It bounds what an edit can show.
    """

    name = "fit_psnr"
    title = "PSNR of fit (held out)"
    revision = 1
    unit = "dB"
    digits = 2
    higher_is_better = True
    min_side = 1

    def weights_id(self) -> str:
        """Empty: no network."""
        return ""

    def __call__(
        self, cases: Sequence[EditCase], edits: Sequence[Edited], models: Models
    ) -> list[float]:
        """A mean over photos; nan for an edit of an image."""
        return [_mean(case, edited) for case, edited in zip(cases, edits, strict=True)]


def _mean(case: EditCase, edited: Edited) -> float:
    if edited.scene is None or not isinstance(case.source, SceneSource):
        return math.nan
    pairs = list(zip(case.source.capture().photos, edited.scene.before, strict=True))
    chosen = [pair for pair in pairs if pair[0].is_held_out] or pairs
    return sum(_psnr(photo, view) for photo, view in chosen) / len(chosen)


def _psnr(photo: Photo, view: Image) -> float:
    error = (view - photo.image.load()).square()
    if photo.covered is not None:
        error = error[photo.covered.load() == 1]
    return decibels(float(error.mean()))
