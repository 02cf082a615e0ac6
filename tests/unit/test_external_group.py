"""Images that other code made, as a group of results."""

from ids.core.rows import RowSelection
from ids.data import Shapes
from ids.results.external import external_group
from ids.run.environment import environment
from ids.run.external import JudgedImage
from ids.run.manifest import survey

CASES = Shapes(count=3)


def test_entries_are_folder_by_folder_whatever_the_batches() -> None:
    batches = ([0, 1], [2])  # of cases, each judged in every folder
    images = [
        JudgedImage(label, CASES[index], "missing")
        for batch in batches
        for label in ("mine", "dds")
        for index in batch
    ]
    group = external_group(images, survey(CASES, RowSelection()).manifest, environment({}))
    found = [(entry.record.name, entry.row.id) for entry in group.entries]
    ids = [CASES[index].id for index in range(3)]
    assert found == [(label, case) for label in ("mine", "dds") for case in ids]
