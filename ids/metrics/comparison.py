"""The image that an edit is compared with, and the region in which it is compared."""

from typing import Literal

from jaxtyping import Bool
from torch import Tensor

from ids.core.records import EditCase, Edited
from ids.core.tensors import Image

Against = Literal["source", "truth"]
Region = Literal["whole", "background"]


def name_of(metric: str, against: Against, region: Region = "whole") -> str:
    """`psnr`, `psnr_background`, `psnr_truth`: the default, the whole image against the source, is
    not named.
    """
    parts = (metric, region if region != "whole" else "", against if against != "source" else "")
    return "_".join(part for part in parts if part)


def title_of(metric: str, against: Against, region: Region = "whole") -> str:
    """`PSNR`, `PSNR bg`, `PSNR true`: the column header of `name_of`."""
    parts = (metric, {"background": "bg"}.get(region), {"truth": "true"}.get(against))
    return " ".join(part for part in parts if part)


def image_against(case: EditCase, against: Against) -> Image | None:
    """The source or the true edit of a case; None where the case has no true edit."""
    image = {"source": case.source, "truth": case.truth}[against]
    return image.load() if image else None


def background_of(case: EditCase, edited: Edited) -> Bool[Tensor, "height width"] | None:
    """True outside the mask; None without a mask, with one of another size, or with one that covers
    the whole image.
    """
    if case.mask is None:
        return None
    outside = case.mask.load()[0] < 0.5
    return outside if outside.any() and outside.shape == edited.image.shape[-2:] else None
