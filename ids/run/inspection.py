"""A data set, read row by row: its faults and its manifest in numbers. One row is in memory at a
time.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ids.core.protocols import Dataset
from ids.core.records import EditCase, LazyImage
from ids.core.rows import RowSelection
from ids.run.manifest import content_of, read_row


@runtime_checkable
class PlacedPhoto(Protocol):
    """An image that knows its size before it was brought to the canvas."""

    def photo_size(self) -> tuple[int, int]: ...


@dataclass(frozen=True)
class Inspection:
    """What a data set has. `counts`: good rows with a mask, a true edit, an instruction, ...;
    `tags` of all rows, `sizes` (`512x512`) of the images of good ones.
    """

    name: str
    place: str
    view: str
    n_rows: int  # of the data set
    n_selected: int
    faults: Sequence[str]  # one line per row that cannot be edited
    content: str  # digest of the cases
    n_cases: int  # rows that repeat another are one case with it
    counts: Mapping[str, int]
    tags: Mapping[str, int]
    sizes: Mapping[str, int]


def inspect_rows(
    dataset: Dataset, selection: RowSelection, done: Callable[[int], object] = int
) -> Inspection:
    """Read the selected rows, images and masks included; `done(1)` after each. `DataError` where
    the data set cannot be read as a whole.
    """
    selected = selection.rows(dataset)
    faults, ids, cases = [], set[str](), set[str]()
    counts, tags, sizes = Counter[str](), Counter[str](), Counter[str]()
    for index in selected:
        case, row = read_row(dataset, index)
        again = "expected every case id once; got it again; rename one" if row.id in ids else ""
        if fault := row.problem or again:
            faults.append(f"row {index + 1}, {row.id}: {fault}")
        elif case is not None:
            ids.add(row.id)
            cases.add(row.case)
            counts.update(_parts(case))
            sizes[_size(case.source)] += 1
        tags.update(row.tags)
        done(1)
    return Inspection(
        name=dataset.name,
        place=dataset.place,
        view=dataset.view,
        n_rows=len(dataset),
        n_selected=len(selected),
        faults=faults,
        content=content_of(cases),
        n_cases=len(cases),
        counts=counts,
        tags=tags,
        sizes=sizes,
    )


def _parts(case: EditCase) -> list[str]:
    """What the case has beside its image and prompts."""
    parts = {
        "masks": case.mask,
        "true edits": case.truth,
        "instructions": case.instruction,
        "blend words": case.blend_words,
        "word weights": case.word_weights,
    }
    return [name for name, part in parts.items() if part]


def _size(image: LazyImage) -> str:
    if isinstance(image, PlacedPhoto):
        width, height = image.photo_size()
    else:
        height, width = image.load().shape[-2:]
    return f"{width}x{height}"
