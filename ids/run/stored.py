"""Stored edits, read back into memory."""

from collections.abc import Callable

from ids.core.errors import DataError
from ids.core.records import EditCase, Edited
from ids.core.tensors import Latent
from ids.run.edit import FinishedEdit
from ids.run.in_memory import with_images
from ids.run.job import Job
from ids.run.scene_files import read_scene
from ids.run.store import Store


def read_edit(job: Job, store: Store, encode: Callable[[EditCase], Latent]) -> FinishedEdit:
    """The stored edit of a job. A source latent that is missing is encoded and stored again.
    `DataError` where the case, or a file of the edit, cannot be read.
    """
    look = store.look(job.key, content=True)
    case = with_images(job.case)
    if look.status != "ok":
        raise DataError(look.problem or f"{store.folder(job.key)}: expected an edit; found none")
    z_src = store.sources.get(job.source_name)
    if z_src is None:
        z_src = encode(job.case)[0].cpu()
        store.sources.put(job.source_name, z_src, replace=True)
    scene = read_scene(store.folder(job.key))
    edited = Edited(store.image(job.key), z_src, store.z_trg(job.key)[0], scene)
    return FinishedEdit(case, edited, store.states(job.key), store.trace(job.key).curves)
