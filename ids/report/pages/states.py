"""Kept states as images: of the most notable cases, decoded once."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from PIL import Image as PIL
from safetensors import SafetensorError

from ids.core.errors import DataError, IdsError
from ids.core.numbers import Number, to_float
from ids.core.records import digest_of
from ids.core.tensors import Images
from ids.core.text import counted
from ids.images import to_pil
from ids.report.pages.embed import number
from ids.report.pages.groups import PageGroup
from ids.report.pages.images import ImageFolder, side_of
from ids.report.pages.inputs import Decode
from ids.report.pages.notable import notable_cases
from ids.results.catalog import Entry
from ids.run.evaluate import metric_columns
from ids.run.store import IMAGE, Store

MOST = 21  # states of an edit
CASES = 12  # of a group, where its images are small
SMALL = 128  # pixels: larger images are stored with loss, and decoded where that is requested


def states_data(
    page: PageGroup, store: Store, decode: Decode | None, count: int | None, images: ImageFolder
) -> tuple[dict[str, Any], list[str]]:
    """Steps, images and metric values of the kept states, by the number of the result in the
    page's list; and notes on what could not be decoded.
    """
    kept = [(i, e) for i, e in enumerate(page.group.entries) if e.record.keep_every]
    kept = [(i, e) for i, e in kept if e.record.status == "ok"]
    if count is None and kept:
        count = CASES if _is_small(kept[0][1], store) else 0
    cases = set(notable_cases(page.lines, page.columns, count or 0))
    found: dict[str, Any] = {}
    problems: list[str] = []
    names = metric_columns(entry.numbers.values for entry in page.group.entries)
    for place, entry in kept:
        if entry.row.case in cases:
            try:
                steps, drawn = _decoded(entry, store, decode, images)
                along = _along(page, entry, names, steps)
                found[str(place)] = {"steps": steps, "images": drawn, "along": along}
            except (IdsError, OSError, SafetensorError) as error:
                problems.append(str(error))
    edits = counted(len(problems), "edit")
    return found, [f"Kept states of {edits} are not shown: {problems[0]}"] if problems else []


def _decoded(
    entry: Entry, store: Store, decode: Decode | None, images: ImageFolder
) -> tuple[list[int], list[str]]:
    """Evenly chosen steps of an edit, and the names of their images."""
    record = entry.record
    states = store.states(record.key)
    steps = _chosen(list(states))
    lossless = _is_small(entry, store)

    @cache
    def pixels() -> Images:
        if decode is None:
            raise DataError("no run of the store names their backbone")
        return decode(record, torch.stack([states[step] for step in steps]))

    def draw(index: int) -> PIL.Image:
        return to_pil(pixels()[index])

    stamp = record.files[IMAGE].sha256
    names = [
        images.draw(digest_of([record.key, stamp, step]), partial(draw, index), lossless)
        for index, step in enumerate(steps)
    ]
    return steps, names


def _along(
    page: PageGroup, entry: Entry, names: Mapping[str, str], steps: Sequence[int]
) -> list[list[Number] | None]:
    """The values of the page's columns at these steps; None for columns without any."""
    numbers = entry.numbers
    by_name = {
        names[key]: dict(zip(numbers.steps, values, strict=True))
        for key, values in numbers.along.items()
        if key in names
    }
    along: list[list[Number] | None] = []
    for column in page.columns:
        values = by_name.get(column.key)
        at = [to_float(values.get(step)) for step in steps] if values else []
        along.append([number(value, column.digits) for value in at] or None)
    return along


def _chosen(steps: Sequence[int]) -> list[int]:
    """At most `MOST`, evenly spaced, both ends among them."""
    if len(steps) <= MOST:
        return list(steps)
    return [steps[i] for i in np.linspace(0, len(steps) - 1, MOST).round().astype(int)]


def _is_small(entry: Entry, store: Store) -> bool:
    return side_of(store.folder(entry.record.key) / IMAGE) <= SMALL
