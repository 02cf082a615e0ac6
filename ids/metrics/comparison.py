"""Which image an edit is compared with, and where."""

from torch import Tensor

from ids.core.records import EditCase, Edited
from ids.core.tensors import Image

AGAINST = ("source", "truth")
REGIONS = ("whole", "background")


def checked_comparison(metric: str, against: str, region: str) -> None:
    if against not in AGAINST:
        raise ValueError(f"{metric} against: expected one of {', '.join(AGAINST)}; got {against!r}")
    if region not in REGIONS:
        raise ValueError(f"{metric} region: expected one of {', '.join(REGIONS)}; got {region!r}")


def name_of(metric: str, against: str, region: str) -> str:
    """`psnr`, `psnr_background`, `psnr_truth`: what is left unsaid is the whole image against the
    source.
    """
    return "_".join(
        [
            metric,
            *([region] if region != "whole" else []),
            *([against] if against != "source" else []),
        ]
    )


def image_against(case: EditCase, against: str) -> Image | None:
    image = case.source if against == "source" else case.truth
    return image.load() if image else None


def background_of(case: EditCase, edited: Edited) -> Tensor | None:
    """True where the edit does not belong, [height, width]; None without a mask, or where it leaves
    nothing.
    """
    if case.mask is None:
        return None
    outside = case.mask.load()[0] < 0.5
    return outside if outside.any() and outside.shape == edited.image.shape[-2:] else None
