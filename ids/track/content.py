"""The content of a run: points of edits, tables, the summary."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn.functional import interpolate

from ids.core.errors import IdsError
from ids.core.logs import Cell, Pace
from ids.core.records import EditCase, LazyImage
from ids.core.tensors import Image
from ids.results.catalog import Entry
from ids.results.columns import Column
from ids.run.store import Store
from ids.track.tracked import Tracked

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("case_seed", "case", "digest", "seed", "key")
IMAGES = ("source", "edit", "mask", "true_edit")
TEXTS = ("source_prompt", "target_prompt", "instruction", "tags")
Table = tuple[list[str], list[list[Cell]]]


def lines_of(entries: Sequence[Entry], store: Store) -> "tuple[pd.DataFrame, list[Column]]":
    """A line per edit, as tables have them, and its number columns."""
    from ids.results.frames import columns_of, frame  # pandas: needed once an edit has ended

    lines = frame(entries, store)
    return lines, columns_of(entries, lines)


def points(entries: Sequence[Entry], store: Store) -> list[dict[str, float]]:
    """The numbers of each edit; those that are not defined are left out."""
    lines, columns = lines_of(entries, store)
    rows = lines[[column.key for column in columns]].to_dict("records")
    return [{str(k): v for k, v in row.items() if not math.isnan(v)} for row in rows]


def summary(entries: Sequence[Entry], store: Store) -> dict[str, float]:
    """Of each column the mean over cases, the ends of its 95 % interval and n, as tables have them;
    and the number of cases without a finite number, where there are any.
    """
    from ids.results.table import table

    lines, columns = lines_of(entries, store)
    means = table("", lines, columns=columns).grids[0]
    numbers = {"cases": float(means.rows[0].cases), "edits": float(len(entries))}
    for column, cell in zip(means.columns, means.rows[0].cells, strict=True):
        found = {"mean": cell.value, "low": cell.low, "high": cell.high}
        named = {name: value for name, value in found.items() if not math.isnan(value)}
        named["n"] = float(cell.n)
        left_out = {"infinite": cell.left_out.infinite, "undefined": cell.left_out.undefined}
        named |= {name: count for name, count in left_out.items() if count}
        numbers |= {f"{column.key}/{name}": float(value) for name, value in named.items()}
    return numbers


def cases_table(tracked: Tracked, entries: Sequence[Entry], pace: Pace) -> Table:
    """A row per edit: labels, images of the first cases, prompts, one column per metric. Tables of
    several runs are joined by `case_seed`, or by `digest` where a method uses no seed.
    """
    lines, columns = lines_of(entries, tracked.store)
    names = [column.key for column in columns]
    numbers = lines[names].to_numpy(float).tolist()
    shown = set(list(dict.fromkeys(entry.row.case for entry in entries))[: pace.images])
    rows = []
    for entry, values in zip(entries, numbers, strict=True):
        images: list[Cell] = [None] * len(IMAGES)
        if entry.row.case in shown:
            images = _images(tracked, entry, pace.image_side)
        row = [*_labels(entry), *images, *entry.row.prompts, entry.row.instruction]
        rows.append([*row, ", ".join(entry.row.tags), *values])
    return [*LABELS, *IMAGES, *TEXTS, *names], rows


def curves_table(curves: Sequence[Mapping[str, float]]) -> Table:
    """Mean curves as a table: a row per step."""
    names = list(dict.fromkeys(name for values in curves for name in values))
    rows: list[list[Cell]] = [
        [step, *map(values.get, names)] for step, values in enumerate(curves, start=1)
    ]
    return ["step", *names], rows


def _labels(entry: Entry) -> list[Cell]:
    record, row = entry.record, entry.row
    seed = "-" if record.seed is None else str(record.seed)
    return [f"{row.case[:16]}/{seed}", row.id, row.case, record.seed, record.key]


def _images(tracked: Tracked, entry: Entry, side: int) -> list[Cell]:
    """Source, edit, mask and true edit; None for what does not exist or cannot be read."""
    case: EditCase | None = tracked.cases.get(entry.row.case)
    source, mask, truth = (case.source, case.mask, case.truth) if case else (None, None, None)
    edit = _small(tracked.store.image(entry.record.key), side)
    return [_loaded(source, side), edit, _loaded(mask, side), _loaded(truth, side)]


def _loaded(image: LazyImage | None, side: int) -> Cell:
    try:
        return None if image is None else _small(image.load(), side)
    except (IdsError, OSError):  # it has changed since the survey
        return None


def _small(image: Image, side: int) -> Tensor:
    """[3, h, w] with no side above `side`."""
    image = image.detach().cpu().float().expand(3, -1, -1)
    height, width = image.shape[-2:]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = (max(round(height * scale), 1), max(round(width * scale), 1))
    return interpolate(image[None], size, mode="area")[0]
