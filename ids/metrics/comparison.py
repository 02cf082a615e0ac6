"""The image that an edit is compared with, and the region in which it is compared."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Image, Images, PerRow
from ids.metrics.batches import over_defined, over_shapes

Against = Literal["source", "truth"]
Region = Literal["whole", "background", "edited"]
Compared = tuple[Image, Image, Bool[Tensor, "height width"]]
Maps = Float[Tensor, "B channels height width"]
SHORT = {"background": "bg", "edited": "ed", "truth": "true"}  # in titles


def name_of(metric: str, against: Against, region: Region = "whole") -> str:
    """`psnr`, `psnr_background`, `psnr_truth`: the default, the whole image against the source, is
    not named.
    """
    parts = (metric, region if region != "whole" else "", against if against != "source" else "")
    return "_".join(part for part in parts if part)


def title_of(metric: str, against: Against, region: Region = "whole") -> str:
    """`PSNR`, `PSNR bg`, `PSNR ed`, `PSNR true`: the column header of `name_of`."""
    return " ".join(part for part in (metric, SHORT.get(region), SHORT.get(against)) if part)


def image_against(case: EditCase, against: Against) -> Image | None:
    """The source or the true edit of a case; None where the case has no true edit."""
    image = {"source": case.source, "truth": case.truth}[against]
    return image.load() if image else None


def region_of(
    case: EditCase, edited: Edited, region: Region
) -> Bool[Tensor, "height width"] | None:
    """True at the pixels of the region: outside the mask (`background`), inside it (`edited`).
    None without a mask, with one of another size, or where the region has no pixel.
    """
    shape = edited.image.shape[-2:]
    if region == "whole":
        return torch.ones(shape, dtype=torch.bool)
    if case.mask is None:
        return None
    marked = case.mask.load()[0] >= 0.5
    pixels = marked if region == "edited" else ~marked
    return pixels if pixels.any() and pixels.shape == shape else None


def mean_over_region(
    cases: Sequence[EditCase],
    edits: Sequence[Edited],
    models: Models,
    against: Against,
    region: Region,
    map_of: Callable[[Images, Images], Maps],
) -> list[float]:
    """The mean of a map, `map_of(edits, references)`, over the pixels of the region alone. nan
    without the true edit or the mask that it needs.
    """

    def means(x: Images, y: Images, pixels: Bool[Tensor, "B height width"]) -> PerRow:
        x, y, pixels = (part.to(models.device) for part in (x, y, pixels))
        inside = map_of(x, y).mean(1) * pixels
        average: PerRow = inside.sum((1, 2)) / pixels.sum((1, 2))
        return average

    pairs = zip(cases, edits, strict=True)
    compared = [compared_with(case, edited, against, region) for case, edited in pairs]
    return over_defined(compared, lambda known: map(float, over_shapes(known, means)))


def compared_with(
    case: EditCase, edited: Edited, against: Against, region: Region
) -> Compared | None:
    """The edit, the image it is compared with, and where; None where it is not defined."""
    reference, pixels = image_against(case, against), region_of(case, edited, region)
    return None if reference is None or pixels is None else (edited.image, reference, pixels)
