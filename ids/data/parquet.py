"""Parquet files as shards of a table: their footers are read first, row groups on demand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ids.core.errors import DataError
from ids.data.messages import shorten
from ids.data.shards import FaultyShard, Shard

ENDING = ".parquet"
MAX_BYTES = 4 * 2**30  # of one column of one row group, decoded
AGAIN = "download it again"


@dataclass(frozen=True)
class ParquetShard:
    """A parquet file whose footer has been read. Made by `parquet_shard`."""

    file: Path
    columns: Sequence[str]  # the names of the top-level columns
    groups: Sequence[int]  # the number of rows of each row group
    footer: Any = field(repr=False, compare=False)  # pyarrow.parquet.FileMetaData

    def read(self, group: int, column: str) -> Any:
        """One column of one row group. `DataError` for damaged content, and above 4 GiB."""
        import pyarrow.parquet as pq

        self._check_size(group, column)
        try:
            with pq.ParquetFile(self.file, metadata=self.footer) as content:
                return content.read_row_group(group, [column], use_threads=False).column(column)
        except Exception as error:  # pyarrow has several for damaged content
            raise DataError(
                f"{shorten(self.file)} row group {group} column {column}: expected readable "
                f"parquet; {shorten(error)}; {AGAIN}"
            ) from error

    def _check_size(self, group: int, column: str) -> None:
        found = self.footer.row_group(group)
        chunks = (found.column(n) for n in range(found.num_columns))
        size = sum(
            chunk.total_uncompressed_size
            for chunk in chunks
            if chunk.path_in_schema.split(".")[0] == column
        )
        if size > MAX_BYTES:
            raise DataError(
                f"{shorten(self.file)} row group {group} column {column}: expected at most "
                f"{MAX_BYTES >> 30} GiB; got {size / 2**30:.1f}; write it in smaller row groups"
            )


def parquet_shard(file: Path) -> Shard:
    """A parquet file; a faulty one if its footer cannot be read, as of a download cut short."""
    import pyarrow.parquet as pq

    try:
        footer = pq.read_metadata(file)
        groups = [footer.row_group(number).num_rows for number in range(footer.num_row_groups)]
        return ParquetShard(file, footer.schema.to_arrow_schema().names, groups, footer)
    except Exception as error:  # pyarrow has several for damaged content
        reason = getattr(error, "strerror", None) or error
        return FaultyShard(
            file, f"{shorten(file)}: expected a parquet file; {shorten(reason)}; {AGAIN}"
        )


def parquet_files(path: Path) -> list[Path]:
    """The parquet files below a folder, hidden ones aside, sorted by their path; or the one file
    that `path` names.
    """
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*") if file.suffix.lower() == ENDING)
    visible = (f for f in found if not any(p.startswith(".") for p in f.relative_to(path).parts))
    return sorted(file for file in visible if file.is_file())
