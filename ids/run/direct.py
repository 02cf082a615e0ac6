"""Edits that go to the caller and to no store."""

from collections import defaultdict
from collections.abc import Sequence

import torch

from ids.core.errors import DataError, IdsError
from ids.core.records import EditCase
from ids.log.progress import EditProgress
from ids.run.edit import BatchEditor, FinishedEdit
from ids.run.in_memory import with_images


def edit_directly(
    edit: BatchEditor,
    cases: Sequence[EditCase],
    seed: int,
    batch_size: int,
    progress: EditProgress,
) -> list[FinishedEdit | IdsError]:
    """The edit of each case, or why it failed; images of one size are edited side by side. Draws
    are those of `ids run` with this seed. `ConfigError` where the device runs out of memory.
    """
    found: dict[int, FinishedEdit | IdsError] = {}
    by_shape: dict[torch.Size, list[tuple[int, EditCase]]] = defaultdict(list)
    for index, case in enumerate(cases):
        try:
            loaded = with_images(case)
            edit.check(loaded)
            by_shape[loaded.source.load().shape].append((index, loaded))
        except IdsError as error:
            found[index] = error
    for alike in by_shape.values():
        for start in range(0, len(alike), batch_size):
            batch = alike[start : start + batch_size]
            found |= _batch(edit, batch, seed, progress)
    return [found[index] for index in range(len(cases))]


def _batch(
    edit: BatchEditor,
    rows: Sequence[tuple[int, EditCase]],
    seed: int,
    progress: EditProgress,
) -> dict[int, FinishedEdit | IdsError]:
    finished = edit([case for _, case in rows], [seed] * len(rows), progress.batch(len(rows)))
    found: dict[int, FinishedEdit | IdsError] = {}
    for (index, case), one in zip(rows, finished.edits, strict=True):
        found[index] = DataError(f"{case.id}: {one.problem}") if one.problem else one
        progress.finished(one.problem)
    return found
