"""Edits that go to the caller: made without a store, or read from one."""

from collections import defaultdict
from collections.abc import Sequence

import torch

from ids.core.errors import DataError, IdsError
from ids.core.records import EditCase, Edited
from ids.log.progress import EditProgress
from ids.run.edit import BatchEditor, FinishedEdit
from ids.run.in_memory import with_images
from ids.run.job import Job
from ids.run.store import Store

Found = dict[int, FinishedEdit | IdsError]


def edit_directly(
    edit: BatchEditor,
    cases: Sequence[EditCase],
    seed: int,
    batch_size: int,
    progress: EditProgress,
) -> list[FinishedEdit | IdsError]:
    """The edit of each case, or why it failed. Images of one size are edited side by side, with the
    draws of `ids run` at this seed. `ConfigError` where the device runs out of memory.
    """
    found: Found = {}
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
            found |= _batch(edit, alike[start : start + batch_size], seed, progress)
    return [found[index] for index in range(len(cases))]


def read_edit(store: Store, job: Job) -> FinishedEdit:
    """A stored edit. `DataError` where its source latent is gone; another run makes it again."""
    z_src = store.sources.get(job.source_name)
    if z_src is None:
        raise DataError(
            f"{store.folder(job.key)}: expected the source latent; found none; run it again"
        )
    edited = Edited(store.image(job.key), z_src, store.z_trg(job.key)[0])
    curves = store.trace(job.key).curves
    return FinishedEdit(with_images(job.case), edited, store.states(job.key), curves)


def _batch(
    edit: BatchEditor, rows: Sequence[tuple[int, EditCase]], seed: int, progress: EditProgress
) -> Found:
    try:
        finished = edit([c for _, c in rows], [seed] * len(rows), progress.batch(len(rows))).edits
    except DataError as error:
        return dict.fromkeys((index for index, _ in rows), error)
    found: Found = {}
    for (index, _), one in zip(rows, finished, strict=True):
        found[index] = DataError(one.problem) if one.problem else one
        progress.finished(one.problem)
    return found
