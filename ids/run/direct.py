"""Edits for a program: made in memory, or kept in a store."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import NamedTuple

from ids.core.errors import DataError, IdsError, UnsupportedError
from ids.core.records import EditCase
from ids.core.rows import RowSelection
from ids.data.image_list import ImageList
from ids.log.progress import EditProgress, RunProgress
from ids.run.alone import run_alone
from ids.run.edit import BatchEditor, FinishedEdit, by_shape
from ids.run.execute import Outcome
from ids.run.experiment import Experiment
from ids.run.follower import Follower
from ids.run.in_memory import with_images
from ids.run.outcomes import new_run_folder
from ids.run.stored import read_edit

Follow = Callable[[Experiment], AbstractContextManager[Follower]]


@dataclass(frozen=True)
class CaseEdit:
    """The edit of a case, or its error. `key` names it in the store; empty in memory."""

    found: FinishedEdit | IdsError
    key: str = ""


class _Row(NamedTuple):
    """A case whose images are in memory, and its number in the list."""

    number: int
    case: EditCase


def edit_in_memory(
    experiment: Experiment, images: ImageList, progress: RunProgress
) -> list[CaseEdit]:
    """The edit of each case with the draws of `ids run` at the first seed; nothing is written.
    Metrics are loaded before the first edit. `IdsError` where no case can be edited.
    """
    experiment.load_metrics()
    spec, editor = experiment.method, experiment.editor(experiment.method)
    batch_size = experiment.session.engine.first_at_once(editor.device)
    rows, found = _read(editor, images.cases)
    if rows:
        experiment.check_size(rows[0].case.source)
    n_steps = max(spec.editor.n_ticks, 1)
    with progress.edits(spec.name, len(images), 0, n_steps) as edits:
        for error in found.values():
            edits.finished(str(error))
        for alike in by_shape(rows, lambda row: row.case).values():
            for start in range(0, len(alike), batch_size):
                batch = alike[start : start + batch_size]
                found |= _edited(editor, batch, experiment.seeds[0], edits)
    return [CaseEdit(found[number]) for number in range(len(images))]


def edit_with_store(
    experiment: Experiment, images: ImageList, progress: RunProgress, follow: Follow
) -> list[CaseEdit]:
    """The edit of each case as `ids run` makes and stores it; existing results are read. `follow`
    gives the loggers of an experiment.
    """
    unread: dict[int, IdsError] = {}
    for number, case in enumerate(images.cases):
        try:
            _ = case.digest
        except DataError as error:
            unread[number] = error
    readable = [case for number, case in enumerate(images.cases) if number not in unread]
    outcomes: dict[str, Outcome] = {}
    if readable:
        session, dataset = experiment.session.for_one_call(), replace(images, cases=readable)
        whole = replace(experiment, dataset=dataset, selection=RowSelection(), session=session)
        with follow(whole) as follower:
            folder = new_run_folder(experiment.store.root)
            ended = run_alone(whole, folder, progress, follower)
        outcomes = {outcome.job.case.digest: outcome for outcome in ended}
    return [
        CaseEdit(unread[number]) if number in unread else _stored(experiment, outcomes[case.digest])
        for number, case in enumerate(images.cases)
    ]


def _read(
    editor: BatchEditor, cases: Sequence[EditCase]
) -> tuple[list[_Row], dict[int, FinishedEdit | IdsError]]:
    """Cases that can be edited, with their images, and the errors of the others by number."""
    rows: list[_Row] = []
    errors: dict[int, FinishedEdit | IdsError] = {}
    for number, case in enumerate(cases):
        try:
            row = _Row(number, with_images(case))
            editor.check(row.case)
            rows.append(row)
        except IdsError as error:
            errors[number] = error
    return rows, errors


def _edited(
    edit: BatchEditor, rows: Sequence[_Row], seed: int, progress: EditProgress
) -> dict[int, FinishedEdit | IdsError]:
    """Edits of images of one shape, side by side, by number."""
    found: dict[int, FinishedEdit | IdsError]
    cases, seeds = [row.case for row in rows], [seed] * len(rows)
    try:
        edits = edit(cases, seeds, progress.batch(len(rows))).edits
        found = {
            row.number: DataError(one.problem) if one.problem else one
            for row, one in zip(rows, edits, strict=True)
        }
    except (DataError, UnsupportedError) as error:
        found = dict.fromkeys((row.number for row in rows), error)
    for one in found.values():
        progress.finished(str(one) if isinstance(one, IdsError) else "")
    return found


def _stored(experiment: Experiment, outcome: Outcome) -> CaseEdit:
    key = outcome.job.key
    if outcome.status == "ok":
        try:
            return CaseEdit(read_edit(outcome.job, experiment.store, experiment.encode), key)
        except DataError as error:
            return CaseEdit(error, key)
    kind = UnsupportedError if outcome.status == "unsupported" else DataError
    return CaseEdit(kind(outcome.reason), key)
