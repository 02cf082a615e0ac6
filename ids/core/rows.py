"""Rows of a data set before they are opened: what they are called and can be selected by."""

from typing import NamedTuple, Protocol, runtime_checkable

from ids.core.errors import DataError
from ids.core.protocols import Dataset


class RowLabel(NamedTuple):
    """Id and tags of a row."""

    id: str
    tags: frozenset[str]


@runtime_checkable
class LabelledRows(Protocol):
    """A data set that gives id and tags of every row, invalid ones included, without opening it."""

    def label(self, index: int) -> RowLabel: ...


def label_of(dataset: Dataset, index: int) -> RowLabel:
    """Id and tags of a row, from its case where the data set has no labels. An invalid row without
    a label is `row 7`, counted from 1.
    """
    if isinstance(dataset, LabelledRows):
        return dataset.label(index)
    try:
        case = dataset[index]
    except DataError:
        return RowLabel(f"row {index + 1}", frozenset())
    return RowLabel(case.id, case.tags)
