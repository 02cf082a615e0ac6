"""Tables in several files, addressed by row, with one group of rows in memory at a time."""

import os
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ids.core.errors import DataError
from ids.data.cases import safe_stem
from ids.data.messages import shorten

ENDING = re.compile(r"(-of-[0-9]+[^/]*|\.[^./]*)$")  # of train-00000-of-00262-5ddf1afb.parquet


@runtime_checkable
class Shard(Protocol):
    """One file of a table. Its rows lie in groups, which are read one column at a time."""

    @property
    def file(self) -> Path: ...
    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def groups(self) -> Sequence[int]:
        """The number of rows of each group."""
        ...

    def read(self, group: int, column: str) -> Any:
        """One column of one group as an Arrow array. `DataError` if it cannot be read."""
        ...


@dataclass(frozen=True)
class FaultyShard:
    """A file that cannot be read. It counts as one row, which reports the fault."""

    file: Path
    fault: str
    columns: Sequence[str] = ()
    groups: Sequence[int] = (1,)

    def read(self, group: int, column: str) -> Any:
        """Always a `DataError`."""
        raise DataError(self.fault)


@dataclass
class _Group:
    """The columns that were read of one group of rows: of the group used last."""

    index: int = -1
    columns: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shards:
    """The rows of several files as one table. A column is read when one of its cells is, for one
    group of rows; the group before is dropped.
    """

    shards: tuple[Shard, ...]
    _group: _Group = field(default_factory=_Group, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return self._starts[-1]

    def check(self) -> None:
        """`DataError` for a table without rows, or without a file that can be read."""
        faults = [shard.fault for shard in self.shards if isinstance(shard, FaultyShard)]
        if faults and len(faults) == len(self.shards):
            more = f" (and {len(faults) - 1} more files)" if len(faults) > 1 else ""
            raise DataError(faults[0] + more)
        if not len(self):
            names = ", ".join(shard.file.name for shard in self.shards)
            raise DataError(
                f"{shorten(names)}: expected one row or more; got none; check the files"
            )

    def cell(self, row: int, column: str) -> Any:
        """The value of a cell: text, a number, a dict, None. `IndexError` for a row that does not
        exist; `DataError`, which names the file, where it cannot be read.
        """
        index, shard, group, offset = self._find(row)
        if self._group.index != index:
            self._group.index = index
            self._group.columns = {}
        if column not in self._group.columns:
            self._group.columns[column] = shard.read(group, column)
        return self._group.columns[column][offset].as_py()

    def image(self, row: int, column: str) -> "ImageCell":
        """The image file in a cell; the cell is read when the image is."""
        return ImageCell(self, row, column)

    def place(self, row: int) -> str:
        """File and row (from 0, within the file), for messages."""
        shard, number = self._number(row)
        return f"{shorten(shard.file)} row {number}"

    def file(self, row: int) -> Path:
        """The file of a row."""
        return self._find(row)[1].file

    def columns(self, row: int) -> Sequence[str]:
        """The columns of the file of a row."""
        return self._find(row)[1].columns

    def row_id(self, row: int) -> str:
        """The beginning of a case id: the file's name and the row in it. Files that are added or
        missing leave it the same.
        """
        shard, number = self._number(row)
        return f"{self._names[shard.file]}-{number}"

    def _number(self, row: int) -> tuple[Shard, int]:
        index, shard, group, offset = self._find(row)
        before = self._starts[index] - self._starts[index - group]
        return shard, before + offset

    def _find(self, row: int) -> tuple[int, Shard, int, int]:
        """Number of the group in the table, its file, its number in the file, the row in it."""
        if not 0 <= row < len(self):
            raise IndexError(row)
        index = bisect_right(self._starts, row) - 1
        shard, group = self._groups[index]
        return index, shard, group, row - self._starts[index]

    @cached_property
    def _groups(self) -> list[tuple[Shard, int]]:
        return [(shard, group) for shard in self.shards for group in range(len(shard.groups))]

    @cached_property
    def _starts(self) -> list[int]:
        counts = (count for shard in self.shards for count in shard.groups)
        return list(accumulate(counts, initial=0))

    @cached_property
    def _names(self) -> dict[Path, str]:
        """Of each file: its name without ending and number of files, or its path below their common
        folder where two have one name.
        """
        files = [shard.file for shard in self.shards]
        top = os.path.commonpath([file.parent for file in files])
        short = {file: _safe(file.name) for file in files}
        names = short if len(set(short.values())) == len(files) else None
        return names or {file: _safe(str(file.relative_to(top))) for file in files}


def _safe(name: str) -> str:
    return safe_stem(ENDING.sub(".", name).replace("/", "_"))


@dataclass(frozen=True)
class ImageCell:
    """The image file in a cell: bytes, or a struct with `bytes`, as the `datasets` library writes
    images.
    """

    shards: Shards = field(repr=False)
    row: int
    column: str

    def __str__(self) -> str:
        return f"{self.shards.place(self.row)} column {self.column}"

    def read(self) -> bytes:
        """The bytes of the image file. `DataError` if the cell has none."""
        cell = self.shards.cell(self.row, self.column)
        content = cell.get("bytes") if isinstance(cell, dict) else cell
        if not isinstance(content, bytes) or not content:
            got = "none" if not content else type(content).__name__
            raise DataError(
                f"{self}: expected the bytes of an image file; got {got}; write the data set with "
                "its images embedded"
            )
        return content


def checked_columns(shard: Shard, required: Sequence[str]) -> Shard:
    """The file, or a faulty one if it lacks a required column."""
    missing = [column for column in required if column not in shard.columns]
    if not missing or isinstance(shard, FaultyShard):
        return shard
    fault = (
        f"{shorten(shard.file)}: expected columns {', '.join(required)}; got "
        f"{shorten(', '.join(shard.columns)) or 'none'}; missing: {', '.join(missing)}; "
        "use a data set that has them"
    )
    return FaultyShard(shard.file, fault)
