"""The parts of images that PIE-Bench's released evaluation compares, and the names of its numbers
(cure-lab/PnPInversion, evaluation/evaluate.py).

A part is not a region: both images are multiplied by the mask or its complement, and the black
pixels that remain count. `ids.metrics.comparison` counts the pixels of a region alone.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from ids.core.protocols import Models
from ids.core.records import EditCase, Edited
from ids.core.tensors import Image, Images, Mask, PerRow
from ids.metrics.batches import over_defined, over_shapes
from ids.metrics.comparison import Region, region_of

Part = Literal["whole", "unedit_part", "edit_part"]
Stack = Literal["reference", "current"]  # package versions: of published tables, or today's
REGIONS: dict[Part, Region] = {
    "whole": "whole",
    "unedit_part": "background",
    "edit_part": "edited",
}
SHORT: dict[Part, str] = {"whole": "", "unedit_part": "bg", "edit_part": "ed"}  # in titles


def pie_name(metric: str, part: Part = "whole", stack: Stack = "reference") -> str:
    """`pie_psnr`, `pie_ssim_unedit_part`, `pie_ssim_unedit_part_current`: after `pie_`, the column
    of the released table, then the stack where it is not the one of published tables.
    """
    parts = ("pie", metric, "" if part == "whole" else part, stack if stack == "current" else "")
    return "_".join(part for part in parts if part)


def pie_title(metric: str, part: Part = "whole", stack: Stack = "reference") -> str:
    """`PIE PSNR`, `PIE SSIM bg`, `PIE SSIM bg current`: the column header of `pie_name`."""
    parts = ("PIE", metric, SHORT[part], stack if stack == "current" else "")
    return " ".join(part for part in parts if part)


def factor_of(case: EditCase, edited: Edited, part: Part) -> Mask | None:
    """0 or 1 at every pixel: what images are multiplied by. None where the released code has nan
    (it would be 0 everywhere), and without a mask of the edit's size.
    """
    pixels = region_of(case, edited, REGIONS[part])
    return None if pixels is None else pixels.float().unsqueeze(0)


def parts_of(
    cases: Sequence[EditCase], edits: Sequence[Edited], part: Part
) -> list[tuple[Image, Image] | None]:
    """Source and edit of each case, RGB in [0, 1], times its factor; None where there is none."""
    found: list[tuple[Image, Image] | None] = []
    for case, edited in zip(cases, edits, strict=True):
        factor = factor_of(case, edited, part)
        pair = None if factor is None else (case.source.load() * factor, edited.image * factor)
        found.append(pair)
    return found


def mean_over_parts(
    cases: Sequence[EditCase],
    edits: Sequence[Edited],
    models: Models,
    part: Part,
    mean: Callable[[Images, Images], PerRow],
) -> list[float]:
    """`mean(sources, edits)` of the parts, images of one size in one batch; nan where the part is
    empty.
    """

    def on_device(x: Images, y: Images) -> PerRow:
        return mean(x.to(models.device), y.to(models.device))

    parts = parts_of(cases, edits, part)
    return over_defined(parts, lambda known: map(float, over_shapes(known, on_device)))
