"""Folders of parquet or Arrow files, by split."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ids.core.errors import DataError
from ids.data.arrow_files import ENDING as ARROW
from ids.data.arrow_files import arrow_files, arrow_shard
from ids.data.messages import shorten
from ids.data.parquet import parquet_files, parquet_shard
from ids.data.shards import Shards, checked_columns

log = logging.getLogger(__name__)
Split = Literal["train", "val", "test"]
SPLITS: dict[str, Split] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}
COUNT = re.compile(r"(.*)-[0-9]+-of-([0-9]+)")


def open_shards(path: Path, split: Split | None, columns: Sequence[str]) -> Shards:
    """The rows of a split (None: of all) in a parquet or Arrow file, or in those of a folder. A
    file that cannot be read, or lacks one of `columns`, is one faulty row. `DataError` if no file
    can be used.
    """
    files = select_split(table_files(path), path, split)
    _warn_if_incomplete(files)
    opened = (
        arrow_shard(file) if file.suffix.lower() == ARROW else parquet_shard(file) for file in files
    )
    table = Shards(tuple(checked_columns(shard, columns) for shard in opened))
    table.check()
    return table


def table_files(path: Path) -> list[Path]:
    """The parquet files of a folder, or its Arrow files, or the one file that `path` names.
    `DataError` for a folder without any.
    """
    if path.is_file():
        return [path]
    files = parquet_files(path) or arrow_files(path)
    if not files:
        raise DataError(
            f"dataset.path {shorten(path)}: expected parquet or Arrow files; found none; check it"
        )
    return files


def select_split(files: Sequence[Path], top: Path, split: Split | None) -> list[Path]:
    """The files of a split, by the last word such as `train` or `validation` in their path below
    `top`; a file without one belongs to train. `DataError` for a split without files.
    """
    splits = {file: _split_of(file, top) for file in files}
    chosen = [file for file, found in splits.items() if split in (None, found)]
    if not chosen:
        raise DataError(
            f"dataset.split: expected a split of {shorten(top)}: "
            f"{', '.join(sorted(set(splits.values())))}; got {split}; choose one, or null for all"
        )
    return chosen


def _split_of(file: Path, top: Path) -> Split:
    below = str(file.relative_to(top)) if file != top else file.name
    words = re.split("[^a-z0-9]+", below.lower())
    return next((SPLITS[word] for word in reversed(words) if word in SPLITS), "train")


def _warn_if_incomplete(files: Sequence[Path]) -> None:
    """Files are numbered -00000-of-00262: some may not have been downloaded."""
    counts = [found.groups() for file in files if (found := COUNT.match(file.name))]
    for name, total in sorted(set(counts)):
        if (n := counts.count((name, total))) < int(total):
            log.warning("%s: %d of its %d files found; their rows are used", name, n, int(total))
