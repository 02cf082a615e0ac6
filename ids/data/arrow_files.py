"""Arrow files as shards of a table, as `datasets` writes them: mapped into memory, never copied."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ids.core.errors import DataError
from ids.data.messages import quote, shorten
from ids.data.shards import FaultyShard, Shard

ENDING = ".arrow"
STATE = "state.json"  # of `save_to_disk`: lists the files of a split
CACHES = ("cache-", "tmp")  # beginnings of the names of intermediate files
MAGIC = b"ARROW1"  # of the file format; the stream format has none
AGAIN = "write the data set again"


@dataclass(frozen=True)
class ArrowShard:
    """An Arrow file. Its record batches are its groups of rows. Made by `arrow_shard`."""

    file: Path
    columns: Sequence[str]
    groups: Sequence[int]  # the number of rows of each record batch
    batches: Sequence[Any] = field(repr=False, compare=False)  # pyarrow.RecordBatch

    def read(self, group: int, column: str) -> Any:
        """One column of one record batch. `DataError` for damaged content."""
        import pyarrow as pa

        cells = self.batches[group].column(column)
        try:
            cells.validate(full=True)  # offsets from a damaged file could lead anywhere
        except pa.ArrowException as error:
            raise DataError(
                f"{shorten(self.file)} column {column}: expected readable Arrow content; "
                f"{shorten(error)}; {AGAIN}"
            ) from error
        return cells


def arrow_shard(file: Path) -> Shard:
    """An Arrow file in the stream or the file format; a faulty one if it cannot be read."""
    import pyarrow as pa

    try:
        mapped = pa.memory_map(str(file))
        if bytes(mapped.read(len(MAGIC))) == MAGIC:
            reader = pa.ipc.open_file(mapped)
            batches = [reader.get_batch(n) for n in range(reader.num_record_batches)]
        else:
            mapped.seek(0)
            reader = pa.ipc.open_stream(mapped)
            batches = list(reader)
        groups = [batch.num_rows for batch in batches]
        return ArrowShard(file, reader.schema.names, groups, batches)
    except Exception as error:  # pyarrow has several for damaged content
        reason = getattr(error, "strerror", None) or error
        return FaultyShard(
            file, f"{shorten(file)}: expected an Arrow file; {shorten(reason)}; {AGAIN}"
        )


def arrow_files(path: Path) -> list[Path]:
    """The Arrow files below a folder, sorted by their path: those that a `state.json` lists, or all
    but intermediate ones; or the one file that `path` names. `DataError` for a malformed list.
    """
    if path.is_file():
        return [path]
    found = {file for file in path.rglob(f"*{ENDING}") if not file.name.startswith(CACHES)}
    for state in path.rglob(STATE):
        found = {file for file in found if file.parent != state.parent} | set(_listed(state))
    return sorted(found)


def _listed(state: Path) -> list[Path]:
    try:
        entries = json.loads(state.read_bytes())["_data_files"]
        names = [entry["filename"] for entry in entries]
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise DataError(
            f"{shorten(state)}: expected the list of files that save_to_disk writes; "
            f"{shorten(error)}; {AGAIN}"
        ) from error
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(ENDING):
            raise DataError(
                f"{shorten(state)}: expected names of Arrow files beside it; got {quote(name)}; "
                f"{AGAIN}"
            )
    return [state.parent / name for name in names]
