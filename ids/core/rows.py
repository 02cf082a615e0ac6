"""Rows of a data set before they are opened: their labels, and which of them a run takes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from heapq import nsmallest
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from ids.core.errors import ConfigError, DataError
from ids.core.text import with_counts

if TYPE_CHECKING:
    from ids.core.protocols import Dataset

SHOWN = 12  # tags in a message


class RowLabel(NamedTuple):
    """Id and tags of a row."""

    id: str
    tags: frozenset[str]


@runtime_checkable
class LabelledRows(Protocol):
    """A data set that gives id and tags of every row, invalid ones included, without opening it."""

    def label(self, index: int) -> RowLabel: ...


@runtime_checkable
class StrictRows(Protocol):
    """A data set that refuses its whole table for one malformed row."""

    def row_by_row(self) -> "Dataset":
        """The same data set, where a malformed row raises `DataError` at its own access."""
        ...


def label_of(dataset: "Dataset", index: int) -> RowLabel:
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


@dataclass(frozen=True)
class RowSelection:
    """The rows of a data set that a run takes, in their order: those with one of `tags`, of these a
    `sample` of this many, of these `limit` from `offset`, of these `drawn` at random (None: all).
    Other rows are never opened.

    The sample is the rows whose digests of `sample_seed` and id are the smallest: it does not
    depend on their order, and a row added to n others changes it with probability sample / (n + 1),
    by one row. `ConfigError` for a value out of range.
    """

    limit: int | None = None
    offset: int = 0
    tags: tuple[str, ...] = ()
    sample: int | None = None
    sample_seed: int = 0
    drawn: int | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"limit: expected 1 case or more; got {self.limit}; null takes all")
        if self.offset < 0:
            raise ConfigError(f"offset: expected 0 or more; got {self.offset}; 0 skips none")
        if self.sample is not None and self.sample < 1:
            got = f"{self.sample}; null takes all"
            raise ConfigError(f"sample: expected 1 case or more; got {got}")

    def rows(self, dataset: "Dataset") -> Sequence[int]:
        """The numbers of the selected rows, ascending. `ConfigError` where none is selected, and
        for a tag that no row has.
        """
        rows: Sequence[int] = range(len(dataset))
        if self.tags or (self.sample is not None and self.sample < len(rows)):
            rows = self._sampled(dataset)
        if rows and self.offset >= len(rows):
            got = f"got {self.offset}; lower it"
            raise ConfigError(f"offset: expected less than the number of rows, {len(rows)}; {got}")
        end = None if self.limit is None else self.offset + self.limit
        taken = rows[self.offset : end]
        if self.drawn is None:
            return taken
        lots = ((self._lot(label_of(dataset, row).id), row) for row in taken)
        return sorted(row for _, row in nsmallest(self.drawn, lots))

    def _sampled(self, dataset: "Dataset") -> list[int]:
        wanted, known = set(self.tags), Counter[str]()

        def lots() -> Iterator[tuple[bytes, int]]:
            for row in range(len(dataset)):
                label = label_of(dataset, row)
                known.update(label.tags)
                if not wanted or wanted & label.tags:
                    yield self._lot(label.id), row

        found = list(lots()) if self.sample is None else nsmallest(self.sample, lots())
        if unknown := [tag for tag in self.tags if tag not in known]:
            raise ConfigError(_no_such_tag(unknown[0], known, dataset.name))
        return sorted(row for _, row in found)

    def _lot(self, case_id: str) -> bytes:
        return sha256(f"{self.sample_seed}/{case_id}".encode()).digest()


def _no_such_tag(tag: str, known: Counter[str], name: str) -> str:
    has = f"tags of {name}, {with_counts(known, SHOWN)}" if known else f"no tags: {name} has none"
    return f"tags: expected {has}; got {tag!r}; choose another"
